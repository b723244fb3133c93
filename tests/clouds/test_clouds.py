"""One contract for every cloud, and the known answers of each."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import eval_hermitenorm, ndtri
from scipy.stats import norm, rankdata

from zscope.clouds import (
    CLOUDS,
    CovarianceCloud,
    MixtureCloud,
    NormalCloud,
    UniformCloud,
    checked_codes,
    cloud,
    networks,
    restored,
)
from zscope.clouds.moments import gaussian_factor, mean_and_covariance
from zscope.errors import CodesError, FormatError, ParameterError

D = 6

UNFITTED = ("normal", "uniform")
"""Clouds that know nothing of the codes."""

LEARNT = ("flow", "second-stage")
"""Clouds that are trained: what their draws keep is a matter of how long, and is tested apart."""


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch):
    """Train for a moment only: these tests ask what holds of every cloud, however well it was fitted."""
    monkeypatch.setattr(networks, "MOST_STEPS", 6)
    monkeypatch.setattr(networks, "LOOKS", 2)


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((D, D))
    groups = 3 * rng.standard_normal((3, D))
    return (rng.standard_normal((4000, D)) @ mixing + groups[rng.integers(0, 3, 4000)]).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(codes):
    """The cloud of a name, fitted to the codes once for all tests that only draw from it."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = cloud(name).fit(codes)
        return made[name]

    return of


def tyler_covariance(codes):
    """Covariance of the elliptical cloud: Tyler's shape by his own fixed point, scaled by the mean square radius."""
    centred = codes - codes.mean(0)
    shape = np.cov(codes.T)
    for _ in range(200):
        squares = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(shape), centred)
        shape = D / len(codes) * (centred / squares[:, None]).T @ centred
    return shape * squares.mean() / D


def kept_moments(name, codes):
    """Mean and covariance that a cloud of this name promises, by an independent route."""
    codes = codes.astype(np.float64)
    mean, covariance = codes.mean(0), np.cov(codes.T)
    return {
        "radius": lambda: (np.zeros(D), np.mean(np.sum(codes**2, axis=1)) / D * np.eye(D)),
        "axes-empirical": lambda: (mean, np.diag(np.diag(covariance))),
        "ellipsoid": lambda: (mean, ellipsoid_covariance(codes)),
        "kde": lambda: (mean, (1 + cloud("kde").fit(codes).bandwidth_ ** 2) * covariance),
        "neighbours": lambda: neighbours_moments(codes, 5),
        "posterior": lambda: (mean, covariance),
        "prior": lambda: (mean, covariance),  # of a model whose prior has these codes for components
        "normal": lambda: (np.zeros(D), np.eye(D)),
        "uniform": lambda: (np.zeros(D), 4 / 3 * np.eye(D)),
        "axes": lambda: (mean, np.diag(np.diag(covariance))),
        "permuted": lambda: (mean, np.diag(np.diag(covariance))),
        "copula": lambda: (mean, copula_covariance(codes)),
        "covariance": lambda: (mean, covariance),
        "elliptical": lambda: (mean, tyler_covariance(codes)),
        "mixture": lambda: (mean, covariance),
    }[name]()


def ellipsoid_covariance(codes):
    """Covariance of a uniform ball of r dimensions is m² / (r + 2); m is the 90 % quantile of Mahalanobis radii."""
    centred = codes - codes.mean(0)
    squares = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(codes.T)), centred)
    return np.quantile(np.sqrt(squares), 0.9) ** 2 / (D + 2) * np.cov(codes.T)


def neighbours_moments(codes, k):
    """Moments of Dirichlet mixtures: those of the groups' means, and 1 / (k + 2) of what is inside groups."""
    members = np.argsort(cdist(codes, codes), axis=1)[:, : k + 1]
    groups = codes[members]
    means = groups.mean(axis=1)
    inside = groups - means[:, None]
    within = np.einsum("gij,gik->jk", inside, inside) / (len(codes) * (k + 1))
    return means.mean(0), np.cov(means.T, bias=True) + within / (k + 2)


def copula_covariance(codes):
    """Covariance of a Gaussian copula with the codes' values, by Mehler's expansion in Hermite polynomials.

    Cov(f(X), g(Y)) = Σ_k ρ^k f_k g_k with f_k = E[f(X) He_k(X)] / sqrt(k!); for a step function with a step of height h
    at x, the coefficient is Σ h He_{k−1}(x) φ(x) / sqrt(k!).
    """
    n = len(codes)
    correlation = np.corrcoef(ndtri(rankdata(codes, axis=0) / (n + 1)).T)
    at = ndtri(np.arange(1, n) / n)
    steps = np.diff(np.sort(codes, axis=0), axis=0)
    covariance = np.zeros_like(correlation)
    for k in range(1, 80):
        coefficients = (eval_hermitenorm(k - 1, at) * norm.pdf(at) / math.sqrt(math.factorial(k))) @ steps
        covariance += correlation**k * np.outer(coefficients, coefficients)
    # The diagonal's series converges slowly, but its sum is known.
    np.fill_diagonal(covariance, codes.var(axis=0))
    return covariance


@pytest.mark.parametrize("name", CLOUDS)
class TestEveryCloud:
    def test_words(self, name):
        made = cloud(name)
        assert made.name == name
        assert made.keeps
        assert made.label

    def test_text_makes_the_same_cloud_again(self, name):
        made = cloud(name)
        again = cloud(made.spec)
        assert type(again) is type(made)
        assert again.spec == made.spec
        assert vars(again) == vars(made)

    def test_shape_type_and_finiteness(self, name, fitted):
        assert fitted(name).dimension_ == D
        drawn = fitted(name).draw(7, np.random.default_rng(0))
        assert drawn.shape == (7, D)
        assert drawn.dtype == np.float32
        assert np.isfinite(drawn).all()

    def test_same_seed_same_codes_other_seed_others(self, name, codes, fitted):
        first = fitted(name)
        second = cloud(name).fit(codes)
        drawn = first.draw(9, np.random.default_rng(3))
        assert np.array_equal(drawn, second.draw(9, np.random.default_rng(3)))
        assert not np.array_equal(drawn, first.draw(9, np.random.default_rng(4)))

    def test_moments_it_keeps(self, name, codes, fitted):
        if name in LEARNT:
            pytest.skip("tested with a longer training in test_learnt_clouds")
        # 6 means and 21 covariances a cloud; 5 standard errors are passed by chance in under 1 of 60,000 clouds.
        n = 60_000
        mean, covariance = kept_moments(name, codes)
        drawn = fitted(name).draw(n, np.random.default_rng(5)).astype(np.float64)
        assert np.all(np.abs(drawn.mean(0) - mean) < 5 * drawn.std(0) / np.sqrt(n))
        centred = drawn - drawn.mean(0)
        products = centred[:, :, None] * centred[:, None, :]
        # The ridge of the mixture moves its variances by a millionth of the mean variance; those that draw the codes'
        # own values have the divisor N of the variance.
        allowed = 5 * products.std(0) / np.sqrt(n) + 2e-6 * np.trace(covariance) / D + np.abs(covariance) / len(codes)
        assert np.all(np.abs(products.mean(0) - covariance) < allowed)

    def test_matched_draw_shape_type_and_chance(self, name, codes, fitted):
        drawn = fitted(name).draw_matched(len(codes), np.random.default_rng(3))
        assert drawn.shape == codes.shape
        assert drawn.dtype == np.float32
        assert drawn.flags.c_contiguous
        assert np.array_equal(drawn, fitted(name).draw_matched(len(codes), np.random.default_rng(3)))
        assert not np.array_equal(drawn, fitted(name).draw_matched(len(codes), np.random.default_rng(4)))

    def test_matched_draw_is_in_random_order(self, name, codes, fitted):
        drawn = fitted(name).draw_matched(len(codes), np.random.default_rng(5)).astype(np.float64)
        lengths = np.linalg.norm(drawn - drawn.mean(0), axis=1)
        # Seven correlations with the row number a cloud, each within 5 standard errors.
        found = [np.corrcoef(np.arange(len(codes)), column)[0, 1] for column in (*drawn.T, lengths)]
        assert np.abs(found).max() < 5 / np.sqrt(len(codes))

    def test_codes_stay_as_they_are(self, name, codes):
        for order in "CF":
            given = np.array(codes[:50], order=order)
            cloud(name).fit(given).draw_matched(50, np.random.default_rng(0))
            assert np.array_equal(given, codes[:50])

    @pytest.mark.parametrize("n", [2, 3, 20])
    @pytest.mark.parametrize("kind", ["one axis", "equal", "pairs", "one apart", "few"])
    def test_hard_codes(self, name, n, kind):
        hard = {
            "one axis": np.random.default_rng(n).standard_normal((n, 1)),
            "equal": np.full((n, 1), 3.0),
            "pairs": np.repeat(np.arange(-(-n // 2)), 2)[:n, None],
            "one apart": np.r_[np.zeros(n - 1), 1e6][:, None],
            "few": np.random.default_rng(n).standard_normal((n, 30)),
        }[kind]
        made = cloud("mixture:1" if name == "mixture" else name)
        if len(hard) < made.least:
            with pytest.raises(CodesError, match=f"at least {made.least} points, got {n}"):
                made.fit(hard)
            return
        made.fit(hard)
        for seed in range(5):
            assert np.isfinite(made.draw(n, np.random.default_rng(seed))).all()
            drawn = made.draw_matched(max(n, hard.shape[1] + 1), np.random.default_rng(seed))
            assert np.isfinite(drawn).all()
            if kind == "equal" and name not in (*UNFITTED, "radius"):
                assert np.allclose(drawn, 3, atol=0.01)

    def test_fitting_again_forgets(self, name, codes):
        other = 10 + 2 * np.random.default_rng(6).standard_normal((500, 3))
        refitted = cloud(name).fit(codes).fit(other)
        assert np.array_equal(
            refitted.draw(5, np.random.default_rng(0)), cloud(name).fit(other).draw(5, np.random.default_rng(0))
        )

    def test_draw_before_fit(self, name):
        with pytest.raises(CodesError, match="must be fitted"):
            cloud(name).draw(3, np.random.default_rng(0))
        with pytest.raises(CodesError, match="must be fitted"):
            cloud(name).draw_matched(3, np.random.default_rng(0))

    def test_draw_of_none(self, name, fitted):
        with pytest.raises(ParameterError, match="n must be at least 1, got 0"):
            fitted(name).draw(0, np.random.default_rng(0))
        with pytest.raises(ParameterError, match="n must be at least 1, got 0"):
            fitted(name).draw_matched(0, np.random.default_rng(0))

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            (np.zeros(5), "shape"),
            (np.zeros((5, 2, 2)), "shape"),
            (np.zeros((5, 0)), "shape"),
            (np.zeros((0, 4)), "at least"),
            (np.array([["a", "b"]] * 30), "real numbers"),
            (np.zeros((30, 2), dtype=object), "real numbers"),
            (np.zeros((30, 2), dtype=complex), "real numbers"),
            (np.where(np.arange(60).reshape(30, 2) == 8, np.nan, 1.0), r"1 of 30 row holds NaN or infinity \(row 4\)"),
        ],
    )
    def test_codes_that_cannot_be_fitted(self, name, bad, says):
        with pytest.raises(CodesError, match=says):
            cloud(name).fit(bad)

    def test_integers_half_floats_and_column_order(self, name):
        whole = np.random.default_rng(0).integers(-9, 9, (200, 3))
        expected = cloud(name).fit(whole.astype(np.float64)).draw(4, np.random.default_rng(0))
        for same in (whole, whole.astype(np.float16), np.asfortranarray(whole), whole.tolist()):
            assert np.allclose(cloud(name).fit(same).draw(4, np.random.default_rng(0)), expected, atol=1e-6)

    def test_constant_axis(self, name):
        flat = np.random.default_rng(0).standard_normal((300, 4))
        flat[:, 2] = 7.5
        made = cloud(name).fit(flat)
        for drawn in (made.draw(50, np.random.default_rng(0)), made.draw_matched(300, np.random.default_rng(0))):
            assert np.isfinite(drawn).all()
            if name not in (*UNFITTED, "radius"):
                assert np.allclose(drawn[:, 2], 7.5, atol=0.02)

    def test_saved_state_draws_the_same_codes(self, name, fitted):
        made = fitted(name)
        state = made.state()
        assert all(array.dtype.kind in "fiub" for array in state.values())
        again = restored(made.spec, state)
        for seed in (0, 1):
            rngs = np.random.default_rng(seed), np.random.default_rng(seed)
            assert np.array_equal(again.draw(300, rngs[0]), made.draw(300, rngs[1]))
            assert np.array_equal(again.draw_matched(300, rngs[0]), made.draw_matched(300, rngs[1]))
        assert (again.label, again.spec, again.dimension_) == (made.label, made.spec, D)
        assert again.state().keys() == state.keys()
        assert all(np.array_equal(array, again.state()[key]) for key, array in state.items())

    def test_states_of_other_clouds_are_refused(self, name, fitted):
        state = fitted(name).state()
        with pytest.raises(FormatError, match="must hold dimension_, got none"):
            restored(name, {})
        for key, array in state.items():
            if not key.endswith("_"):
                continue  # a network's weights
            with pytest.raises(FormatError, match=key):
                restored(name, {other: kept for other, kept in state.items() if other != key})
            with pytest.raises(FormatError, match=key):
                restored(name, state | {key: array[None]})
            if array.size:
                with pytest.raises(FormatError, match=key):
                    restored(name, state | {key: np.full(array.shape, np.nan)})

    def test_log_variances_of_another_shape(self, name, codes):
        with pytest.raises(
            CodesError, match=r"log-variances must have the shape of the codes, \(4000, 6\), got \(3, 6\)"
        ):
            cloud(name).fit(codes, codes[:3])
        with pytest.raises(CodesError, match="log-variances of the codes must be finite"):
            cloud(name).fit(codes[:60], np.full((60, D), np.inf))

    def test_log_variances_matter_to_all_that_learn_from_codes(self, name, codes):
        few = codes[:200]
        spec = "mixture:2" if name == "mixture" else name
        plain = cloud(spec).fit(few).draw(20, np.random.default_rng(0))
        noisy = cloud(spec).fit(few, np.full(few.shape, -1.0)).draw(20, np.random.default_rng(0))
        assert np.array_equal(plain, noisy) == (name in ("normal", "uniform"))

    def test_global_chance_is_left_alone(self, name, codes):
        before, numbers = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002 - it is looked at only
        cloud(name).fit(codes[:100]).draw(5, np.random.default_rng(0))
        assert torch.equal(before, torch.random.get_rng_state())
        assert np.array_equal(numbers, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "gauss",
            "cloud must be one of normal, uniform, prior, radius, axes, axes-empirical, permuted, copula, covariance, "
            "elliptical, ellipsoid, mixture, kde, neighbours, flow, second-stage, posterior, got gauss",
        ),
        ("", "got nothing"),
        ("normal:3", "takes no figure"),
        ("covariance:", "takes no figure"),
        ("uniform:", "be a number"),
        ("uniform:wide", "be a number, got wide"),
        ("uniform:-1", "be above 0 and finite, got -1.0"),
        ("uniform:nan", "be above 0"),
        ("uniform:inf", "finite"),
        ("mixture:0", "be at least 1, got 0"),
        ("mixture:2.5", "be a whole number, got 2.5"),
        ("ellipsoid:most", "be a number, got most"),
        ("ellipsoid:0", "be above 0 and at most 1, got 0.0"),
        ("ellipsoid:1.1", "be above 0 and at most 1, got 1.1"),
        ("ellipsoid:nan", "be above 0 and at most 1, got nan"),
        ("neighbours:0", "be at least 1, got 0"),
        ("neighbours:few", "be a whole number, got few"),
        ("flow:2", "takes no figure"),
    ],
)
def test_text_that_names_no_cloud(text, says):
    with pytest.raises(ParameterError, match=says):
        cloud(text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("normal", "N(0, I)"),
        ("uniform", "uniform in [−2, 2]"),
        ("uniform:0.5", "uniform in [−0.5, 0.5]"),
        ("axes", "each axis's own Gaussian"),
        ("permuted", "each axis's own values, shuffled"),
        ("copula", "each axis's own values, correlated"),
        ("covariance", "mean and covariance"),
        ("elliptical", "ellipsoid with the codes' own radii"),
        ("mixture", "mixture of Gaussians"),
        ("mixture:10", "mixture of 10 Gaussians"),
        ("radius", "the codes' own radii, any direction"),
        ("axes-empirical", "each axis's own distribution"),
        ("ellipsoid", "uniform in the ellipsoid of 90 % of the codes"),
        ("ellipsoid:0.5", "uniform in the ellipsoid of 50 % of the codes"),
        ("kde", "a small Gaussian around each code"),
        ("neighbours", "codes mixed with their 5 nearest"),
        ("neighbours:10", "codes mixed with their 10 nearest"),
        ("flow", "normalising flow"),
        ("second-stage", "second autoencoder, of the codes"),
        ("posterior", "codes of the data"),
        ("mixture:1", "mixture of 1 Gaussian"),
    ],
)
def test_labels(text, label):
    assert cloud(text).label == label
    assert cloud(cloud(text).spec).label == label


def test_bad_parameters_are_told_when_fitting():
    with pytest.raises(ParameterError, match="half width"):
        UniformCloud(-1).fit(np.ones((3, 2)))
    with pytest.raises(ParameterError, match="number of Gaussians"):
        MixtureCloud(0).fit(np.ones((3, 2)))


def test_radii_of_the_normal_and_the_uniform_cloud():
    # Known answers in 256 dimensions; the mean of 4,000 radii has a standard error of 0.011 and 0.006.
    for made, mean, sd in ((NormalCloud(), 15.98, 0.706), (UniformCloud(1.5), 13.85, 0.388)):
        radii = np.linalg.norm(made.fit(np.zeros((1, 256))).draw(4000, np.random.default_rng(0)), axis=1)
        assert abs(radii.mean() - mean) < 0.04
        assert abs(radii.std() - sd) < 0.03


def test_uniform_fills_its_box():
    drawn = UniformCloud(8).fit(np.zeros((1, 2))).draw(10_000, np.random.default_rng(0))
    assert 7.99 < np.abs(drawn).max() <= 8
    # Shares of the four quarters of an axis: 5 standard errors of 0.0043.
    assert np.allclose(np.histogram(drawn[:, 0], bins=[-8, -4, 0, 4, 8])[0] / 10_000, 0.25, atol=0.022)


class TestCovariance:
    @pytest.mark.parametrize("n", [D + 1, 50, 4000])
    def test_matched_draw_has_exactly_the_moments(self, codes, n):
        fitted = CovarianceCloud().fit(codes)
        drawn = fitted.draw_matched(n, np.random.default_rng(2))
        assert drawn.dtype == np.float32
        assert drawn.shape == (n, D)
        assert np.allclose(drawn.mean(0, dtype=np.float64), codes.mean(0, dtype=np.float64), atol=1e-5)
        assert np.allclose(np.cov(drawn.T.astype(np.float64)), np.cov(codes.T.astype(np.float64)), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("n", [65, 128, 255, 256, 20_000])
    def test_matched_draw_is_exact_along_every_direction(self, n):
        # Noise in double precision below 256 points, in single precision from there; variances over six decades.
        rng = np.random.default_rng(1)
        turn = np.linalg.qr(rng.standard_normal((64, 64)))[0]
        table = rng.standard_normal((500, 64)) * np.geomspace(1, 1e-3, 64) @ turn
        drawn = CovarianceCloud().fit(table).draw_matched(n, rng).astype(np.float64)
        whiten = np.linalg.inv(np.linalg.cholesky(np.cov(table.T)))
        assert np.abs(whiten @ np.cov(drawn.T) @ whiten.T - np.eye(64)).max() < 1e-5

    def test_matched_draw_is_gaussian_and_not_the_data(self, codes):
        drawn = CovarianceCloud().fit(codes).draw_matched(4000, np.random.default_rng(2)).astype(np.float64)
        centred = drawn - drawn.mean(0)
        squared = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(drawn.T)), centred)
        # Mardia's kurtosis d(d + 2) = 48 ± sqrt(8 d (d + 2) / n) = 0.31, here within 5 of them.
        assert abs(np.mean(squared**2) - D * (D + 2)) < 1.55

    def test_matched_draw_of_fewer_points_than_dimensions(self, codes):
        with pytest.raises(CodesError, match="more points than the 6 dimensions, got 6"):
            CovarianceCloud().fit(codes).draw_matched(D, np.random.default_rng(0))

    def test_matched_draw_with_constant_axis_and_few_codes(self):
        few = np.random.default_rng(0).standard_normal((5, 8))
        few[:, 3] = -2
        drawn = CovarianceCloud().fit(few).draw_matched(40, np.random.default_rng(0))
        assert np.allclose(np.cov(drawn.T), np.cov(few.T), atol=1e-5)
        assert np.allclose(drawn[:, 3], -2)

    def test_all_codes_equal(self):
        assert np.allclose(CovarianceCloud().fit(np.full((9, 2), 3.0)).draw(4, np.random.default_rng(0)), 3)


class TestMoments:
    def test_against_numpy_over_several_chunks(self):
        table = (1000 + np.random.default_rng(0).standard_normal((20_000, 3))).astype(np.float32)
        mean, covariance = mean_and_covariance(table)
        assert np.allclose(mean, table.astype(np.float64).mean(0), rtol=1e-12)
        assert np.allclose(covariance, np.cov(table.T.astype(np.float64)), rtol=1e-9)

    def test_one_point(self):
        mean, covariance = mean_and_covariance(np.array([[3, 4]]))
        assert mean.tolist() == [3, 4]
        assert not covariance.any()

    def test_factor_of_a_singular_covariance(self):
        direction = np.array([[1.0], [2.0], [-1.0]])
        factor = gaussian_factor(direction @ direction.T)
        assert factor.shape == (3, 1)
        assert np.allclose(factor @ factor.T, direction @ direction.T)


def test_error_counts_and_names_the_bad_rows():
    table = np.zeros((100, 3), dtype=np.float32)
    table[[3, 10, 11, 40, 50, 60], 1] = np.inf
    with pytest.raises(CodesError, match=r"6 of 100 rows hold NaN or infinity \(row 3, 10, 11, 40, 50, …\)"):
        checked_codes(table)
