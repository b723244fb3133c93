"""Known answers of the clouds that are samplers only."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chi, cramervonmises_2samp, kstest, multivariate_normal

from zscope.clouds import (
    AxesEmpiricalCloud,
    CovarianceCloud,
    EllipsoidCloud,
    KdeCloud,
    NeighboursCloud,
    PosteriorCloud,
    RadiusCloud,
    cloud,
)
from zscope.clouds.base import posterior_draws
from zscope.clouds.moments import gaussian_factor, log_gaussian, shrunk
from zscope.clouds.quantiles import between
from zscope.errors import CodesError, ParameterError

RNG = np.random.default_rng


def ellipsoid(rng, n, d):
    """Gaussian codes whose axes are turned, of lengths 1 to 0.1, away from the origin."""
    turn = np.linalg.qr(RNG(d).standard_normal((d, d)))[0]
    return rng.standard_normal((n, d)) * np.geomspace(1, 0.1, d) @ turn + 2


def energy(one, other, rng, draws=99):
    """p value of the energy distance of two clouds of points, by permutation."""
    both = np.r_[one, other].astype(np.float64)
    squares = np.square(both).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * both @ both.T, 0))

    def distance(sign):
        return -sign @ apart @ sign

    sign = np.r_[np.ones(len(one)) / len(one), -np.ones(len(other)) / len(other)]
    own = distance(sign)
    return (1 + sum(distance(rng.permutation(sign)) >= own for _ in range(draws))) / (draws + 1)


def on_a_sphere(rng, n, d):
    directions = rng.standard_normal((n, d))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


FAMILIES = {
    "normal": lambda rng, n: rng.standard_normal((n, 4)),
    "uniform": lambda rng, n: rng.uniform(-2, 2, (n, 4)),
    "radius": lambda rng, n: rng.gamma(2, size=(n, 1)) * on_a_sphere(rng, n, 4),
    "axes": lambda rng, n: rng.standard_normal((n, 4)) * [1, 2, 3, 4] + [4, 3, 2, 1],
    "axes-empirical": lambda rng, n: rng.gamma([1, 2, 3, 4], size=(n, 4)),
    "permuted": lambda rng, n: rng.gamma([1, 2, 3, 4], size=(n, 4)),
    "copula": lambda rng, n: np.exp(ellipsoid(rng, n, 4)),
    "covariance": lambda rng, n: ellipsoid(rng, n, 4),
    "elliptical": lambda rng, n: 2 + (ellipsoid(rng, n, 4) - 2) / np.sqrt(rng.chisquare(6, (n, 1)) / 6),
    "ellipsoid:1": lambda rng, n: rng.random((n, 1)) ** 0.25 * on_a_sphere(rng, n, 4) * [1, 2, 3, 4] + 1,
    "mixture": lambda rng, n: ellipsoid(rng, n, 4) + 3 * rng.integers(0, 3, (n, 1)) * [1, -1, 1, 0],
    "kde": lambda rng, n: ellipsoid(rng, n, 2),
    "neighbours": lambda rng, n: ellipsoid(rng, n, 2),
    "posterior": lambda rng, n: ellipsoid(rng, n, 4),
}
"""For every cloud but the trained ones, codes that are as it says."""


@pytest.mark.parametrize("spec", FAMILIES)
def test_draws_cannot_be_told_from_fresh_codes_of_its_family(spec):
    """A permutation test of 500 draws against 500 fresh codes; level 0.01 for each of 14 clouds, at fixed seeds."""
    rng = RNG(11)
    codes, fresh = FAMILIES[spec](rng, 4000), FAMILIES[spec](rng, 500)
    drawn = cloud(spec).fit(codes).draw(500, rng)
    assert energy(drawn, fresh, rng) > 0.01


@pytest.mark.parametrize(("spec", "family"), [("normal", "axes"), ("axes", "covariance"), ("radius", "covariance")])
def test_the_same_test_sees_what_a_cloud_breaks(spec, family):
    rng = RNG(11)
    codes, fresh = FAMILIES[family](rng, 4000), FAMILIES[family](rng, 500)
    assert energy(cloud(spec).fit(codes).draw(500, rng), fresh, rng) == 0.01


class TestQuantiles:
    def test_against_numpy(self):
        values, shares = np.sort(RNG(0).gamma(1, size=57)), RNG(1).random(200)
        assert np.allclose(between(values, shares), np.quantile(values, shares), rtol=1e-12)
        assert between(values, np.array([0.0, 1.0])).tolist() == [values[0], values[-1]]

    def test_one_value(self):
        assert between(np.array([3.0]), np.array([0.0, 0.4, 1.0])).tolist() == [3, 3, 3]


class TestRadius:
    def test_radii_of_gaussian_codes_in_many_dimensions(self):
        drawn = RadiusCloud().fit(RNG(0).standard_normal((20_000, 64))).draw(5000, RNG(1))
        assert kstest(np.linalg.norm(drawn, axis=1), chi(64).cdf).pvalue > 1e-3

    def test_it_forgets_where_the_codes_are(self):
        codes = 10 + RNG(0).standard_normal((3000, 8))
        drawn = RadiusCloud().fit(codes).draw(3000, RNG(1)).astype(np.float64)
        # Mean of directions: 5 standard errors of R / sqrt(d n).
        assert np.abs(drawn.mean(0)).max() < 5 * 28.5 / np.sqrt(8 * 3000)
        assert cramervonmises_2samp(np.linalg.norm(drawn, axis=1), np.linalg.norm(codes, axis=1)).pvalue > 1e-3


class TestAxesEmpirical:
    def test_draws_new_values_with_the_axes_distribution(self):
        codes = RNG(0).gamma(2, size=(5000, 3)).astype(np.float32)
        drawn = AxesEmpiricalCloud().fit(codes).draw(5000, RNG(1))
        for own, made in zip(codes.T, drawn.T, strict=True):
            assert cramervonmises_2samp(own, made).pvalue > 1e-3
            assert np.isin(made, own).mean() < 0.05

    def test_equal_values_keep_their_share(self):
        codes = np.maximum(RNG(0).standard_normal((4000, 1)), 0)
        drawn = AxesEmpiricalCloud().fit(codes).draw(4000, RNG(1))
        assert abs(np.mean(drawn == 0) - 0.5) < 5 * np.sqrt(2 * 0.25 / 4000)


class TestEllipsoid:
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_it_holds_the_share_and_draws_fill_it(self, share):
        codes, d = ellipsoid(RNG(0), 20_000, 5), 5
        fitted = EllipsoidCloud(share).fit(codes)
        # Of a Gaussian the Mahalanobis radius is χ distributed.
        assert abs(fitted.radius_ - chi(d).ppf(share)) < 0.05
        drawn = fitted.draw(4000, RNG(1)).astype(np.float64)
        centred = drawn - codes.mean(0)
        radii = np.sqrt(np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(codes.T)), centred))
        # Volume grows with the fifth power of the radius.
        assert kstest(radii, lambda at: np.clip(at / fitted.radius_, 0, 1) ** d).pvalue > 1e-3

    def test_spec_keeps_the_share(self):
        assert [cloud(text).spec for text in ("ellipsoid", "ellipsoid:0.55", "ellipsoid:1")] == [
            "ellipsoid:0.9",
            "ellipsoid:0.55",
            "ellipsoid:1",
        ]

    def test_bad_share_is_told_when_fitting(self):
        with pytest.raises(ParameterError, match="share of the ellipsoid must be above 0 and at most 1, got 2"):
            EllipsoidCloud(2).fit(np.ones((3, 2)))


class TestKde:
    @pytest.mark.parametrize("apart", [0, 9])
    def test_bandwidth_has_the_highest_likelihood_when_codes_are_left_out(self, apart):
        codes = np.r_[RNG(0).standard_normal((150, 2)), RNG(1).standard_normal((150, 2)) + apart]
        fitted = KdeCloud().fit(codes)
        squares = cdist(codes, codes, "mahalanobis", VI=np.linalg.inv(np.cov(codes.T))) ** 2
        np.fill_diagonal(squares, np.inf)

        def left_out(h):
            return np.log(np.exp(-0.5 * squares / h**2).sum(axis=1)).mean() - 2 * np.log(h)

        grid = np.geomspace(0.06, 2, 1000)
        assert fitted.queries_ == 300
        assert np.isclose(fitted.bandwidth_, grid[np.argmax([left_out(h) for h in grid])], rtol=0.03)

    def test_density_is_the_mean_of_kernels(self):
        codes = ellipsoid(RNG(0), 200, 3)
        fitted, at = KdeCloud().fit(codes), ellipsoid(RNG(1), 20, 3)
        kernel = multivariate_normal(cov=fitted.bandwidth_**2 * np.cov(codes.T))
        expected = [np.log(np.mean([kernel.pdf(one - code) for code in codes.astype(np.float32)])) for one in at]
        assert np.allclose(fitted.log_density(at), expected, atol=1e-4)

    def test_codes_that_occur_several_times_get_the_smallest_kernel(self):
        assert KdeCloud().fit(np.repeat(RNG(0).standard_normal((50, 3)), 4, axis=0)).bandwidth_ < 0.011


class TestNeighbours:
    def test_draws_are_inside_their_group(self):
        # Three groups far apart: a draw is never between groups.
        centres = np.array([[0.0, 0], [100, 0], [0, 100]])
        codes = np.concatenate([centre + RNG(3).uniform(-1, 1, (50, 2)) for centre in centres])
        drawn = NeighboursCloud().fit(codes).draw(2000, RNG(0))
        nearest = np.abs(drawn[:, None] - centres).max(axis=2).min(axis=1)
        assert nearest.max() <= 1

    def test_weights_are_those_of_a_dirichlet(self):
        # Two codes and no others: the draw is at a uniform place between them.
        drawn = NeighboursCloud(1).fit(np.array([[0.0], [1.0]])).draw(3000, RNG(0))[:, 0]
        assert kstest(drawn, "uniform").pvalue > 1e-3

    def test_a_code_among_its_equals_is_in_its_own_group(self):
        codes = np.r_[np.zeros((40, 2)), np.ones((3, 2))]
        drawn = NeighboursCloud(2).fit(codes).draw(500, RNG(0))
        assert np.all((drawn == 0).all(1) | np.isclose(drawn, 1).all(1))

    def test_bad_number_is_told_when_fitting(self):
        with pytest.raises(ParameterError, match="number of neighbours must be at least 1, got 0"):
            NeighboursCloud(0).fit(np.ones((3, 2)))


class TestPosterior:
    def test_without_log_variances_codes_themselves(self):
        codes = RNG(0).standard_normal((30, 4)).astype(np.float32)
        fitted = PosteriorCloud().fit(codes)
        assert fitted.label == "codes of the data, without noise"
        assert (fitted.draw(100, RNG(1))[:, None] == codes).all(axis=2).any(axis=1).all()

    def test_noise_has_its_own_variance_on_each_code_and_axis(self):
        codes = np.array([[0.0, 100], [1000, 2000]])
        logvar = np.log([[1.0, 4], [9, 16]])
        fitted = PosteriorCloud().fit(codes, logvar)
        assert fitted.label == "codes of the data, with their noise"
        drawn = fitted.draw(20_000, RNG(0)).astype(np.float64)
        for own, spread in zip(codes, logvar, strict=True):
            part = drawn[np.abs(drawn - own).max(axis=1) < 50] - own
            assert abs(len(part) - 10_000) < 5 * np.sqrt(5000)
            assert np.allclose(np.square(part).mean(0), np.exp(spread), rtol=5 * np.sqrt(2 / 10_000))


class TestShrinkage:
    def test_enough_codes_are_not_shrunk(self):
        assert CovarianceCloud().fit(RNG(0).standard_normal((24, 6))).shrinkage_ == 0
        assert CovarianceCloud().fit(RNG(0).standard_normal((23, 6))).shrinkage_ > 0

    def test_coefficient_of_ledoit_and_wolf_by_their_formula(self):
        codes = ellipsoid(RNG(1), 40, 20)
        centred = codes - codes.mean(0)
        sample = centred.T @ centred / 40
        apart = np.sum((sample - np.trace(sample) / 20 * np.eye(20)) ** 2)
        noise = sum(np.sum((np.outer(one, one) - sample) ** 2) for one in centred) / 40**2
        _, alpha = shrunk(np.cov(codes.T), codes)
        assert np.isclose(alpha, min(noise / apart, 1))

    def test_draws_of_few_codes_are_nearer_to_the_truth_and_null_draws_as_ever(self):
        rng = RNG(2)
        codes, fresh = ellipsoid(rng, 60, 30), ellipsoid(rng, 4000, 30)
        fitted = CovarianceCloud().fit(codes)
        raw = log_gaussian(fresh, fitted.mean_, fitted.factor_).mean()
        truth = multivariate_normal(fresh.mean(0), np.cov(fresh.T)).logpdf(fresh).mean()
        assert raw < fitted.log_density(fresh).mean() < truth
        drawn = fitted.draw_matched(200, rng).astype(np.float64)
        assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=1e-4)
        assert np.allclose(fitted.drawn_factor_ @ fitted.drawn_factor_.T, shrunk(np.cov(codes.T), codes)[0])

    def test_constant_axes_stay_constant(self):
        few = RNG(0).standard_normal((12, 8))
        few[:, 3] = -2
        assert np.allclose(CovarianceCloud().fit(few).draw(50, RNG(0))[:, 3], -2)

    def test_scale_does_not_matter(self):
        few = RNG(0).standard_normal((12, 8))
        assert np.isclose(CovarianceCloud().fit(1e60 * few).shrinkage_, CovarianceCloud().fit(few).shrinkage_)


class TestDensity:
    def test_gaussian_against_scipy(self):
        codes = ellipsoid(RNG(0), 500, 4)
        expected = multivariate_normal(codes.mean(0), np.cov(codes.T)).logpdf(codes)
        assert np.allclose(CovarianceCloud().fit(codes).log_density(codes), expected)

    def test_flat_clouds_have_none(self):
        flat = np.c_[RNG(0).standard_normal((100, 2)), np.zeros(100)]
        for name in ("covariance", "kde", "flow"):
            assert np.all(cloud(name).fit(flat).log_density(flat[:3]) == -np.inf)

    @pytest.mark.parametrize("name", ["covariance", "kde", "mixture", "flow"])
    def test_bad_input(self, name):
        made = cloud(name)
        with pytest.raises(CodesError, match="must be fitted to codes before it can have a density"):
            made.log_density(np.zeros((3, 2)))
        made.fit(RNG(0).standard_normal((100, 2)))
        with pytest.raises(CodesError, match="must have the cloud's 2 dimensions, got 3"):
            made.log_density(np.zeros((3, 3)))

    def test_factor_and_its_gaussian(self):
        factor = gaussian_factor(np.diag([4.0, 1.0]))
        assert np.allclose(log_gaussian(np.array([[2.0, 1]]), np.zeros(2), factor), -1 - np.log(2 * np.pi * 2))


class TestPosteriors:
    @pytest.mark.parametrize("name", ["axes", "covariance", "mixture:1", "copula", "kde", "radius"])
    def test_clouds_learn_from_draws(self, name):
        """Var z = Var μ + E σ²: 1 + 3 and 1 + 0.25 along the two axes; 5 standard errors of a variance, ×√2 for two."""
        means = RNG(0).standard_normal((4000, 2))
        logvar = np.log(np.tile([3.0, 0.25], (4000, 1)))
        drawn = cloud(name).fit(means, logvar).draw(20_000, RNG(1)).astype(np.float64)
        if name == "radius":
            assert (drawn**2).sum(axis=1).mean() == pytest.approx(5.25, rel=0.1)
        else:
            widened = 1.1 if name == "kde" else 1.0  # its kernel adds to the variance
            assert np.all(drawn.var(axis=0) > np.array([4, 1.25]) * 0.87)
            assert np.all(drawn.var(axis=0) < np.array([4, 1.25]) * 1.13 * widened)

    def test_the_same_posteriors_give_the_same_cloud(self):
        means, logvar = RNG(0).standard_normal((300, 3)), RNG(1).standard_normal((300, 3))
        one, other = (cloud("covariance").fit(means, logvar) for _ in range(2))
        assert np.array_equal(one.covariance_, other.covariance_)

    def test_draws_have_the_moments_of_their_posteriors(self):
        draws = posterior_draws(np.tile([1.0, -2.0], (50_000, 1)), np.log(np.tile([4.0, 0.01], (50_000, 1))))
        assert draws.dtype == np.float32
        assert draws.mean(axis=0) == pytest.approx([1, -2], abs=0.045)
        assert draws.std(axis=0) == pytest.approx([2, 0.1], rel=0.02)
