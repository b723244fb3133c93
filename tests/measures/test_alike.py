"""Two models' codes of the same images: against closed forms and plain implementations."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, ortho_group
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from zscope.errors import CodesError
from zscope.measures.alike import (
    alikeness,
    curve_ratio,
    ks_distance,
    linear_cka,
    neighbour_overlap,
    ridge_r2,
    spectrum_correlation,
    spectrum_distance,
)
from zscope.measures.space import Space

RNG = np.random.default_rng


def cloud(n, d, seed=0):
    rng = RNG(seed)
    return rng.standard_normal((n, d)) * np.linspace(1, 3, d) + rng.standard_normal(d)


class TestTheSameSpace:
    @pytest.mark.parametrize("d", [1, 2, 6])
    def test_turned_scaled_and_shifted(self, d):
        codes = cloud(600, d)
        turn = ortho_group.rvs(d, random_state=1) if d > 1 else np.array([[-1.0]])
        found = alikeness(Space.of(codes), Space.of(5 * codes @ turn + 100))
        assert found.r2_forth == pytest.approx(1, abs=1e-5)
        assert found.r2_back == pytest.approx(1, abs=1e-5)
        assert found.cka == pytest.approx(1, abs=1e-5)
        assert found.cka_debiased == pytest.approx(1, abs=1e-5)
        assert found.overlap > 0.995  # neighbours that are as far as each other may change places by rounding
        assert found.spectrum_distance == pytest.approx(0, abs=1e-5)
        assert found.inertia_ratio < 0.02
        assert found.peak_shift > 90

    def test_axes_in_another_order(self):
        codes = cloud(500, 8)
        found = alikeness(Space.of(codes), Space.of(codes[:, ::-1]))
        assert found.r2 == pytest.approx(1, abs=1e-5)
        assert found.overlap > 0.995
        assert found.spectrum_correlation == pytest.approx(1, abs=1e-6)
        assert found.peak_shift == pytest.approx(0, abs=1e-5)
        assert found.radius_ks < 0.01

    def test_twice_as_large(self):
        codes = cloud(2000, 4)
        one, other = Space.of(codes), Space.of(2 * codes)
        found = alikeness(one, other)
        assert found.peak_shift == pytest.approx(one.peak, rel=1e-5)
        widths = np.linalg.norm(codes, axis=1).std() * np.sqrt((1 + 4) / 2)
        assert found.peak_shift_sd == pytest.approx(one.peak / widths, rel=1e-4)
        assert found.radius_ks == pytest.approx(ks_2samp(one.radii, other.radii).statistic, abs=1e-12)
        assert found.inertia_ratio == pytest.approx(0, abs=1e-5)

    def test_seen_from_the_other_side(self):
        one, other = Space.of(cloud(300, 3)), Space.of(cloud(300, 5, 1))
        there, back = alikeness(one, other), alikeness(other, one)
        assert (there.r2_forth, there.r2_back) == (back.r2_back, back.r2_forth)
        assert there.peak_shift == -back.peak_shift
        for same in ("r2", "overlap", "spectrum_distance", "radius_ks", "inertia_ratio"):
            assert getattr(there, same) == pytest.approx(getattr(back, same), abs=1e-12)
        assert there.cka == pytest.approx(back.cka, rel=1e-5)


class TestLinearMap:
    @pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
    def test_known_noise(self, noise):
        """Gaussian codes y = x A + e: both directions are shares of traces of their joint covariance."""
        rng = RNG(3)
        x, mix = rng.standard_normal((8000, 6)), rng.standard_normal((6, 9))
        y = x @ mix + noise * rng.standard_normal((8000, 9))
        signal = np.sum(mix**2)
        of_y = signal / (signal + 9 * noise**2)
        within = np.linalg.inv(mix.T @ mix + noise**2 * np.eye(9))
        of_x = np.trace(mix @ within @ mix.T) / 6
        # The standard error of R² from 4,000 images is below 0.006; four of them are passed once in 16,000.
        assert ridge_r2(Space.of(x), Space.of(y)) == pytest.approx(of_y, abs=0.025)
        assert ridge_r2(Space.of(y), Space.of(x)) == pytest.approx(of_x, abs=0.025)

    def test_against_scikit_learn(self):
        """The same fit with every penalty of the grid, the one with the least n RSS / (n − df)² by the hat matrix."""
        rng = RNG(4)
        x = rng.standard_normal((120, 30)) * np.linspace(0.2, 2, 30)
        y = x[:, 20:25] @ rng.standard_normal((5, 7)) + 3 * rng.standard_normal((120, 7))
        unit = Space.of(x).unit.astype(float)
        first, centred = unit[:60], unit[:60] - unit[:60].mean(axis=0)
        scores = {}
        for penalty in np.linalg.eigvalsh(centred.T @ centred)[-1] * 10.0 ** np.arange(-8, 3, 0.5):
            inverse = np.linalg.inv(centred.T @ centred + penalty * np.eye(30))
            hat = centred @ inverse @ centred.T + 1 / 60
            left = np.sum((y[:60] - hat @ y[:60]) ** 2)
            scores[penalty] = 60 * left / (60 - np.trace(hat)) ** 2
        best = min(scores, key=scores.get)
        assert list(scores).index(best) not in (0, len(scores) - 1)
        fitted = Ridge(alpha=best).fit(first, y[:60])
        expected = r2_score(y[60:], fitted.predict(unit[60:]), multioutput="variance_weighted")
        # scikit-learn weighs axes by their variance, which is what adding up all squares does.
        assert ridge_r2(Space.of(x), Space.of(y)) == pytest.approx(expected, abs=1e-4)

    @pytest.mark.parametrize(("n", "d"), [(2000, 10), (100, 80), (60, 200)])
    def test_unrelated(self, n, d):
        """Where there is nothing to predict the penalty leaves about the mean, with more axes than images too.

        Least squares would cost about d / (n / 2 − d), 4 and more for the last two. Mean of 20 clouds against 0 by four
        standard errors: passed once in 16,000.
        """
        pairs = [(Space.of(cloud(n, d, seed)), Space.of(cloud(n, 4, seed + 50))) for seed in range(20)]
        found = np.array([ridge_r2(*pair) for pair in pairs])
        assert -0.2 < found.mean() < 4 * found.std(ddof=1) / np.sqrt(20)

    def test_more_axes_than_images_that_tell_all(self):
        codes = RNG(0).standard_normal((80, 5))
        wide = codes @ RNG(1).standard_normal((5, 300))
        assert ridge_r2(Space.of(wide), Space.of(codes)) == pytest.approx(1, abs=1e-4)


class TestAlignment:
    def test_against_kernels(self):
        """Centred kernels HKH, and Song's estimate with kernels whose diagonals are zero, written out."""
        n = 40
        x, y = cloud(n, 3), cloud(n, 5, 1) + cloud(n, 3)[:, :1]
        k, other = x @ x.T, y @ y.T
        h = np.eye(n) - 1 / n

        def product(a, b):
            return np.trace(h @ a @ h @ b)

        def unbiased(a, b):
            a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
            ones = np.ones(n)
            rest = (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2)) - 2 * ones @ a @ b @ ones / (n - 2)
            return np.trace(a @ b) + rest

        plain, debiased = linear_cka(Space.of(x), Space.of(y))
        assert plain == pytest.approx(product(k, other) / np.sqrt(product(k, k) * product(other, other)), rel=1e-4)
        expected = unbiased(k, other) / np.sqrt(unbiased(k, k) * unbiased(other, other))
        assert debiased == pytest.approx(expected, abs=1e-4)

    def test_unrelated_clouds(self):
        """Over 60 pairs the plain figure is √(d d′) / n / √((1 + d/n)(1 + d′/n)), the debiased one 0."""
        n, d, other = 100, 10, 20
        found = np.array(
            [
                linear_cka(
                    Space.of(RNG(seed).standard_normal((n, d))),
                    Space.of(RNG(seed + 1000).standard_normal((n, other))),
                )
                for seed in range(60)
            ]
        )
        expected = np.sqrt(d * other) / n / np.sqrt((1 + d / n) * (1 + other / n))
        error = found.std(axis=0, ddof=1) / np.sqrt(60)
        # Three standard errors: passed once in 370 for either.
        assert abs(found[:, 0].mean() - expected) < 3 * error[0] + 0.02 * expected
        assert abs(found[:, 1].mean()) < 3 * error[1]


class TestRows:
    def test_overlap_against_sets(self):
        rng = RNG(0)
        one, other = (np.stack([rng.permutation(20)[:6] for _ in range(50)]) for _ in range(2))
        expected = np.mean([len(set(a) & set(b)) / 6 for a, b in zip(one, other, strict=True)])
        assert neighbour_overlap(one, other) == pytest.approx(expected)

    def test_overlap_by_chance(self):
        """Unrelated spaces share k / (n − 1); standard error below 0.0015, four of them once in 16,000."""
        found = alikeness(Space.of(cloud(400, 5)), Space.of(cloud(400, 5, 1)))
        assert found.overlap_by_chance == 10 / 399
        assert found.overlap == pytest.approx(10 / 399, abs=0.01)

    @pytest.mark.parametrize("ties", [False, True])
    def test_distance_against_scipy(self, ties):
        rng = RNG(1)
        for _ in range(20):
            one, other = np.sort(rng.normal(0, 1, 50)), np.sort(rng.normal(0.4, 1, 80))
            if ties:
                one, other = np.round(one, 1), np.round(other, 1)
            assert ks_distance(one, other) == pytest.approx(ks_2samp(one, other).statistic, abs=1e-12)

    def test_spectra(self):
        assert spectrum_distance(np.array([3.0, 1.0]), np.array([6.0, 1.0, 1.0])) == pytest.approx(0.125)
        assert spectrum_distance(np.array([1.0, 0, 0, 0]), np.full(4, 0.25)) == pytest.approx(0.75)
        falling = np.array([8.0, 4.0, 2.0, 1.0])
        assert spectrum_correlation(falling, 10 * falling**3) == pytest.approx(1)
        assert spectrum_correlation(falling, np.ones(4)) is None
        assert spectrum_correlation(falling[:2], falling) is None
        assert spectrum_correlation(falling, np.array([1.0, 1e-15, 1e-16])) is None

    def test_curves(self):
        assert curve_ratio(np.array([4.0, 2.0]), np.array([2.0, 4.0])) == pytest.approx(np.log(2))
        assert curve_ratio(np.array([1.0]), np.array([0.0])) is None
        assert curve_ratio(np.empty(0), np.empty(0)) is None


class TestEdges:
    def test_codes_that_do_not_vary(self):
        still, codes = Space.of(np.full((60, 3), 1e6)), Space.of(cloud(60, 4))
        found = alikeness(codes, still)
        assert found.r2_forth is None
        assert found.r2_back == pytest.approx(0, abs=0.2)
        assert found.r2 is None
        assert (found.cka, found.cka_debiased, found.spectrum_distance, found.inertia_ratio) == (None,) * 4
        assert alikeness(still, still).peak_shift_sd is None

    def test_a_constant_axis_changes_nothing(self):
        codes = cloud(200, 3).astype(np.float32)
        more = np.column_stack([codes, np.full(200, 7.0)])
        found, without = (alikeness(Space.of(cloud(200, 3, 1)), Space.of(one)) for one in (more, codes))
        assert found.r2 == pytest.approx(without.r2, abs=1e-6)
        assert found.overlap == without.overlap
        assert found.spectrum_distance == pytest.approx(without.spectrum_distance, abs=1e-6)

    def test_duplicates_and_outliers(self):
        codes = np.repeat(cloud(40, 3), 5, axis=0)
        codes[0] = 1e4
        found = alikeness(Space.of(codes), Space.of(2 * codes))
        assert found.r2_forth == pytest.approx(1, abs=1e-3)
        assert found.cka == pytest.approx(1, abs=1e-5)

    def test_few_images(self):
        found = alikeness(Space.of(cloud(8, 20)), Space.of(cloud(8, 2, 1)))
        assert found.overlap == 1  # all the seven others
        assert found.r2_forth <= 1
        with pytest.raises(CodesError, match="at least 8 images, got 7"):
            Space.of(cloud(7, 2))

    def test_other_images(self):
        with pytest.raises(CodesError, match="the same images, got 100 and 90 rows"):
            alikeness(Space.of(cloud(100, 2)), Space.of(cloud(90, 2)))
        with pytest.raises(CodesError, match="NaN"):
            Space.of(np.full((20, 2), np.nan))
