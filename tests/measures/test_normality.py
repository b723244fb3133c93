"""Distances from normal laws, p-values, whitening, Mardia's figures and classifiers, against other implementations."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import beta, expon, kstest, norm

from zscope.measures.base import LatentCodes
from zscope.measures.goodness import (
    anderson_darling,
    anderson_darling_p,
    holm,
    law_distance,
    lilliefors_p,
    normal_distances,
)
from zscope.measures.normality import (
    Normalised,
    NormalityMeasure,
    mahalanobis_distance,
    mardia_kurtosis,
    mardia_skewness,
    squared_lengths,
)
from zscope.measures.two_samples import counts_within, gaussian_accuracy, neighbour_accuracy

RNG = np.random.default_rng


def correlated(n, d, seed=0):
    rng = RNG(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 3).astype(np.float32)


class TestDistances:
    def test_law_distance_against_scipy(self):
        values = RNG(0).exponential(1.1, (5, 60))
        found = law_distance(expon.cdf(np.sort(values, axis=1)))
        assert found == pytest.approx([kstest(row, expon.cdf).statistic for row in values])

    def test_normal_distances_against_scipy(self):
        # 70 axes: more than one block of 32.
        points = RNG(0).gamma(3, size=(80, 70)).astype(np.float32)
        mean, sd = points.mean(0, dtype=np.float64), points.std(0, dtype=np.float64, ddof=1)
        expected = [kstest(points[:, j].astype(float), norm(mean[j], sd[j]).cdf).statistic for j in range(70)]
        assert normal_distances(points, mean, sd) == pytest.approx(expected, abs=1e-12)
        expected = [kstest(points[:, j].astype(float), norm.cdf).statistic for j in range(70)]
        assert normal_distances(points) == pytest.approx(expected, abs=1e-12)

    def test_an_axis_without_spread_is_left_out(self):
        points = np.column_stack([np.full(20, 2.0), RNG(0).standard_normal(20)])
        assert normal_distances(points, 0.0, np.array([0.0, 1.0]))[0] == 0
        assert np.isnan(anderson_darling(points, np.zeros(2), np.array([0.0, 1.0]))[0])

    def test_gamma_axes_are_where_the_claim_says(self):
        # sup |F − Φ| of the standardised gamma(3) law, on a fine grid.
        from scipy.stats import gamma

        grid = np.linspace(-2, 6, 200_001)
        apart = np.abs(gamma.cdf(3 + np.sqrt(3) * grid, 3) - norm.cdf(grid)).max()
        points = RNG(0).gamma(3, size=(40_000, 2))
        # Dvoretzky–Kiefer–Wolfowitz: 0.013 with 99.99 % for two axes, whose mean and sd are nearly the law's.
        assert normal_distances(points, points.mean(0), points.std(0)) == pytest.approx([apart] * 2, abs=0.013)
        assert apart == pytest.approx(0.077, abs=0.001)


class TestPValues:
    # Stephens (1974), table 1.1 of D'Agostino & Stephens: critical values of A² (1 + 0.75/n + 2.25/n²) and of
    # D (√n − 0.01 + 0.85/√n) with mean and sd estimated.
    @pytest.mark.parametrize(
        ("p", "squared", "distance"),
        [(0.1, 0.631, 0.819), (0.05, 0.752, 0.895), (0.025, 0.873, 0.955), (0.01, 1.035, 1.035)],
    )
    @pytest.mark.parametrize("n", [20, 1000])
    def test_critical_values(self, p, squared, distance, n):
        statistic = np.array([squared / (1 + 0.75 / n + 2.25 / n**2)])
        assert anderson_darling_p(statistic, n)[0] == pytest.approx(p, rel=0.03)
        statistic = np.array([distance / (np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n))])
        assert lilliefors_p(statistic, n)[0] == pytest.approx(p, rel=0.15)

    @pytest.mark.parametrize("n", [12, 300])
    def test_level(self, n):
        # 4,000 normal samples; bounds at four standard errors, and a tenth more for the approximation.
        points = RNG(n).standard_normal((n, 4000)) * 7 + 2
        mean, sd = points.mean(0), points.std(0, ddof=1)
        by_distance = lilliefors_p(normal_distances(points, mean, sd), n)
        by_square = anderson_darling_p(anderson_darling(points, mean, sd), n)
        for level in (0.1, 0.05, 0.01):
            bound = 4 * np.sqrt(level * (1 - level) / 4000) + 0.1 * level
            assert abs(np.mean(by_distance <= level) - level) <= bound + 0.1 * level
            assert abs(np.mean(by_square <= level) - level) <= bound

    def test_anderson_darling_by_its_integral(self):
        # A² = n ∫ (F_n − Φ)² / (Φ (1 − Φ)) dΦ, on the probability scale.
        values = np.sort(RNG(1).standard_normal(30))
        grid = (np.arange(2_000_000) + 0.5) / 2_000_000
        steps = np.searchsorted(norm.cdf(values), grid, side="right") / 30
        expected = 30 * np.mean((steps - grid) ** 2 / (grid * (1 - grid)))
        found = anderson_darling(values[:, None], np.zeros(1), np.ones(1))[0]
        assert found == pytest.approx(expected, rel=1e-3)

    def test_p_values_fall_all_the_way(self):
        statistics = np.linspace(0.01, 200, 4000)
        assert (np.diff(anderson_darling_p(statistics, 100)) <= 1e-3).all()
        assert anderson_darling_p(np.array([500.0]), 100)[0] < 1e-20
        assert (np.diff(lilliefors_p(np.linspace(0, 1, 999), 100)) <= 0).all()
        assert lilliefors_p(np.zeros(1), 100)[0] == 1

    def test_holm(self):
        assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
        assert holm(np.array([0.9, np.nan, 0.3])) == pytest.approx([0.9, np.nan, 0.6], nan_ok=True)
        assert holm(np.array([0.02, 0.015, 0.9])) == pytest.approx([0.045, 0.045, 0.9])


class TestNormalised:
    def test_whitened_points_have_unit_covariance_and_mahalanobis_lengths(self):
        points = correlated(500, 6)
        moments = Normalised.of(points)
        whitened, leading = moments.coordinates(points)
        assert np.allclose(np.cov(whitened.T), np.eye(6), atol=1e-5)
        inverse = np.linalg.inv(np.cov(points.astype(np.float64).T))
        off = points.astype(np.float64) - points.mean(0, dtype=np.float64)
        assert np.allclose(squared_lengths(whitened), np.einsum("ij,jk,ik->i", off, inverse, off), rtol=1e-4)
        spread = np.linalg.eigh(np.cov(points.astype(np.float64).T))
        assert np.allclose(np.abs(leading), np.abs(off @ spread[1][:, ::-1] / np.sqrt(spread[0][::-1])), atol=1e-4)

    @pytest.mark.parametrize(
        ("points", "rank", "moving"),
        [
            (np.column_stack([correlated(90, 3), np.full(90, 5.0)]), 3, 3),
            (RNG(0).standard_normal((90, 1)) * [1.0, -2.0, 0.5], 1, 3),
            (RNG(0).standard_normal((90, 3)) * [1e6, 1.0, 1e-6], 3, 3),
            (1000 + 1e-2 * RNG(0).standard_normal((90, 3)), 3, 3),
            (np.ones((90, 3)), 0, 0),
            (RNG(0).standard_normal((8, 20)), 7, 20),
            (1 + 5e-8 * RNG(0).standard_normal((90, 2)), 0, 0),
        ],
        ids=["constant axis", "line", "scales", "far", "point", "few", "rounding"],
    )
    def test_directions_without_variance(self, points, rank, moving):
        moments = Normalised.of(points.astype(np.float32))
        assert moments.rank == rank
        assert (moments.sd > 0).sum() == moving
        whitened, leading = moments.coordinates(points.astype(np.float32))
        assert np.allclose((whitened**2).mean(axis=0), (len(points) - 1) / len(points), rtol=0.02)
        assert leading.shape[1] <= rank

    def test_at_most_twenty_components(self):
        assert Normalised.of(correlated(300, 30)).leading.shape == (30, 20)


class TestMahalanobis:
    def test_against_scipy(self):
        squares = RNG(0).chisquare(3, 50)
        expected = kstest(squares * 50 / 49**2, beta(1.5, 23).cdf).statistic
        assert mahalanobis_distance(squares, 3) == pytest.approx(expected)

    def test_law_in_small_normal_samples(self):
        # 600 samples of 12 points in 5 dimensions: by χ² their distances would be far off (0.06).
        pooled = []
        for seed in range(600):
            points = correlated(12, 5, seed)
            pooled.append((Normalised.of(points).coordinates(points)[0] ** 2).sum(1))
        squares = np.concatenate(pooled)
        shares = np.sort(squares) * 12 / 121
        # Within a sample the distances are negatively dependent: no further off than 7,200 independent ones (99.9 %).
        assert law_distance(beta(2.5, 3).cdf(shares)) < 1.95 / np.sqrt(7200)

    def test_kurtosis_of_normal_samples_and_of_student_tails(self):
        found = []
        for seed in range(300):
            points = correlated(15, 3, seed)
            found.append(mardia_kurtosis((Normalised.of(points).coordinates(points)[0] ** 2).sum(1), 3))
        assert np.mean(found) == pytest.approx(1, abs=4 * np.std(found) / np.sqrt(300))
        # Multivariate t with ν degrees: E D⁴ / (d (d + 2)) = (ν − 2) / (ν − 4).
        rng = RNG(0)
        points = rng.standard_normal((100_000, 4)) * np.sqrt(20 / rng.chisquare(20, 100_000))[:, None]
        squares = (Normalised.of(points.astype(np.float32)).coordinates(points.astype(np.float32))[0] ** 2).sum(1)
        assert mardia_kurtosis(squares, 4) == pytest.approx(18 / 16, abs=0.02)

    def test_skewness_by_its_sums(self):
        points = RNG(0).standard_normal((30, 3)) ** 2
        whitened = Normalised.of(points.astype(np.float32)).coordinates(points.astype(np.float32))[0]
        pairs = [(a @ b) ** 3 for i, a in enumerate(whitened) for j, b in enumerate(whitened) if i != j]
        assert mardia_skewness(whitened) == pytest.approx(np.mean(pairs), rel=1e-4)

    def test_skewness_of_independent_axes_is_the_sum_of_their_squares(self):
        # Exponential axes have skewness 2; the mean of twelve clouds has a standard error of about 0.6.
        found = [mardia_skewness(RNG(seed).exponential(size=(1500, 3)) - 1) for seed in range(12)]
        assert np.mean(found) == pytest.approx(12, abs=2)
        found = [mardia_skewness(RNG(seed).standard_normal((500, 3))) for seed in range(12)]
        assert np.mean(found) == pytest.approx(0, abs=4 * np.std(found) / np.sqrt(12))


class TestClassifiers:
    @pytest.mark.parametrize("d", [2, 5, 6, 40])
    def test_counts_against_all_distances(self, d):
        points, probes = RNG(0).standard_normal((700, d)), RNG(1).standard_normal((300, d))
        distances = cdist(probes, points)
        radii = np.median(distances, axis=1)
        found = counts_within(points.astype(np.float32), probes.astype(np.float32), radii.astype(np.float32))
        assert np.abs(found - (distances < radii[:, None]).sum(1)).max() <= 1

    def clouds(self, first, second, k, m=200):
        rows = np.arange(m)
        sides = []
        for points in (first, second):
            own = np.sort(cdist(points[:m], points), axis=1)[:, k]
            sides.append((points.astype(np.float32), rows, own.astype(np.float32)))
        return neighbour_accuracy(*sides, k)

    def test_votes_of_all_neighbours(self):
        first, second = RNG(0).standard_normal((300, 3)), 0.5 + RNG(1).standard_normal((300, 3))
        right = []
        for own, other in ((first, second), (second, first)):
            both = cdist(own[:200], np.concatenate([own, other]))
            both[np.arange(200), np.arange(200)] = np.inf
            nearest = np.argsort(both, axis=1)[:, :9]
            right.append(np.mean((nearest < 300).sum(1) >= 5))
        assert self.clouds(first, second, 5) == pytest.approx(np.mean(right))

    def test_alike_and_apart(self):
        points = RNG(0).standard_normal((400, 6))
        assert self.clouds(points, points + 40, 3) == 1
        found = [
            self.clouds(RNG([seed, 0]).standard_normal((400, 6)), RNG([seed, 1]).standard_normal((400, 6)), 3)
            for seed in range(30)
        ]
        assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / np.sqrt(30))

    @pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
    def test_accuracy_of_the_fitted_gaussian(self, shift):
        # The best rule between N(μ, I) and N(0, I) is right in Φ(|μ| / 2) of cases; 20,000 held out: ± 0.0025.
        points, reference = (RNG(seed).standard_normal((20_000, 4), dtype=np.float32) for seed in (0, 1))
        points[:, 1] += shift
        assert gaussian_accuracy(points, reference) == pytest.approx(norm.cdf(shift / 2), abs=0.012)

    def test_variances_tell_as_well(self):
        # N(0, 4 I) against N(0, I) in 10-d: the equal-error point of scaled χ²: P(χ² < t) + P(4 χ² > t) over 2.
        from scipy.optimize import brentq
        from scipy.stats import chi2

        middle = brentq(lambda t: chi2.sf(t, 10) - chi2.cdf(t / 4, 10), 1, 60)
        points, reference = 2 * RNG(0).standard_normal((8000, 10)), RNG(1).standard_normal((8000, 10))
        found = gaussian_accuracy(points.astype(np.float32), reference.astype(np.float32))
        assert found == pytest.approx(chi2.cdf(middle, 10), abs=0.02)

    def test_fewer_points_than_dimensions(self):
        found = []
        for seed in range(40):
            points, reference = (RNG([seed, side]).standard_normal((30, 60)) for side in (0, 1))
            found.append(gaussian_accuracy(points, reference))
            assert gaussian_accuracy(points + 3, reference) == 1
        assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / np.sqrt(40))


class TestMeasure:
    def measured(self, points):
        return NormalityMeasure().measure(LatentCodes.of(points), RNG(0)).values

    def test_planted_axes_are_named_the_furthest_first(self):
        points = RNG(0).standard_normal((3000, 20))
        points[:, 3] = RNG(1).gamma(3, size=3000)
        points[:, 11] = RNG(2).exponential(size=3000)
        values = self.measured(points)
        assert values["rejected"] == {"by": "Anderson–Darling", "level": 0.01, "count": 2, "of": 20, "axes": [11, 3]}
        assert np.argmax(values["per_axis"]["ks"]) == 11
        assert values["per_axis"]["ks_p"][11] < 1e-6
        assert values["mardia"]["ratio"] == pytest.approx(
            values["mardia"]["kurtosis"] / (20 * 22 * 2999 / 3001), rel=1e-9
        )
        assert len(values["components"]["ks"]) == 20

    def test_normal_axes_are_rejected_as_often_as_the_level_says(self):
        # 60 clouds at a level of 1 % for all their axes together: more than 4 would be chance in 1 of 2,500 cases.
        count = sum(self.measured(RNG(seed).standard_normal((200, 6)))["rejected"]["count"] > 0 for seed in range(60))
        assert count <= 4

    def test_at_most_twelve_are_named(self):
        values = self.measured(RNG(0).exponential(size=(500, 15)))
        assert values["rejected"]["count"] == 15
        assert len(values["rejected"]["axes"]) == 12

    def test_constant_axes_are_not_tested(self):
        values = self.measured(np.column_stack([np.full(60, 2.0), RNG(0).standard_normal(60)]))
        assert values["per_axis"]["ks"][0] is values["per_axis"]["anderson_darling_p"][0] is None
        assert values["rejected"]["of"] == values["mardia"]["directions"] == 1

    def test_no_kurtosis_where_every_point_has_a_direction_of_its_own(self):
        mardia = self.measured(RNG(0).standard_normal((10, 40)))["mardia"]
        assert mardia == {"directions": 9, "kurtosis": None, "expected": None, "ratio": None}

    def test_too_few(self):
        assert NormalityMeasure().applies(LatentCodes.of(np.ones((30, 2)))) == (
            "a distribution cannot be seen in 1 distinct code, it takes 8"
        )
