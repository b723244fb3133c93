"""Intrinsic dimension: known laws of distances, hyperballs, and scikit-dimension as an independent implementation."""

import json
import warnings

import numpy as np
import pytest
from scipy.stats import skew

from zscope.errors import CodesError
from zscope.measures.base import LatentCodes
from zscope.measures.dimension import (
    MOST,
    SCALES,
    DimensionMeasure,
    contrast,
    dimension_figures,
    doubling_dimension,
    hub_skewness,
    levina_bickel,
    local_participation_ratio,
    scales_of,
    two_nn,
)
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.sample import Sample

RNG = np.random.default_rng


def poisson_distances(m: float, queries: int = 20_000, k: int = 200, seed: int = 0) -> np.ndarray:
    """Distances to the neighbours of a uniform cloud in m dimensions: volumes are sums of exponential variables."""
    return RNG(seed).exponential(size=(queries, k)).cumsum(axis=1) ** (1 / m)


def ball(n: int, d: int, seed: int = 0) -> np.ndarray:
    points = RNG(seed).standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * RNG(seed + 1).uniform(size=(n, 1)) ** (1 / d)


class TestUniformCloud:
    # The standard error of each estimate of m from q queries is below 1.7 m / sqrt(q) = 0.012 m: four of them are 5 %.
    @pytest.mark.parametrize("m", [1.0, 3.7, 60.0])
    def test_every_estimate_is_the_dimension(self, m):
        distances = poisson_distances(m)
        assert two_nn(distances[:, 0], distances[:, 1]) == pytest.approx(m, rel=0.05)
        for k in SCALES:
            assert levina_bickel(distances, k) == pytest.approx(m, rel=0.05)
        for k in (2, 4, 10, 200):
            assert doubling_dimension(distances, k) == pytest.approx(m, rel=0.05)

    def test_contrast_is_its_expectation(self):
        # (r_1 / r_k)^m is the smallest of k − 1 uniform variables: E r_1 / r_k = Γ(1 + 1/m) Γ(k) / Γ(k + 1/m).
        from scipy.special import gammaln

        for m, k in ((1.0, 10), (5.0, 100)):
            expected = np.exp(gammaln(1 + 1 / m) + gammaln(k) - gammaln(k + 1 / m))
            assert contrast(poisson_distances(m), k) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("d", "by_two", "by_twenty"), [(2, 1.9, 2.0), (5, 4.6, 4.6), (10, 9.3, 8.4), (20, 16, 15), (50, 33, 29)]
)
class TestHyperballs:
    def test_figures_are_those_of_scikit_dimension_and_those_known(self, d, by_two, by_twenty):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import skdim

        points = skdim.datasets.hyperBall(2000, d, random_state=0).astype(np.float32)
        distances = nearest_neighbours(points, 20).distances
        mine = two_nn(distances[:, 0], distances[:, 1]), levina_bickel(distances, 20)
        first_two = skdim.id.TwoNN(dist=True).fit(distances[:, :2].astype(np.float64))
        all_of_them = skdim.id.MLE().fit(points, precomputed_knn_arrays=(distances.astype(np.float64), None))
        assert mine == pytest.approx((first_two.dimension_, all_of_them.dimension_), rel=1e-6)
        # The known figures have two digits.
        assert mine == pytest.approx((by_two, by_twenty), rel=0.026)


class TestNearDuplicates:
    def test_the_doubling_dimension_does_not_see_them_and_the_others_do(self):
        points = RNG(0).standard_normal((2000, 10))
        twice = np.concatenate([points, points + 1e-3 * RNG(1).standard_normal((2000, 10))]).astype(np.float32)
        once = nearest_neighbours(points.astype(np.float32), 50).distances
        pairs = nearest_neighbours(twice, 50).distances
        # The standard error of the median of 2,000 ratios is 2 % or so.
        for k in (4, 8, 20, 50):
            assert doubling_dimension(pairs, k) == pytest.approx(doubling_dimension(once, k), rel=0.12)
        assert two_nn(pairs[:, 0], pairs[:, 1]) < 0.1 * two_nn(once[:, 0], once[:, 1])
        assert levina_bickel(pairs, 5) < 0.2 * levina_bickel(once, 5)


class TestDistancesThatSayNothing:
    def test_equal_distances_give_the_bound(self):
        equal = np.ones((50, 20))
        assert two_nn(equal[:, 0], equal[:, 1]) == levina_bickel(equal, 20) == doubling_dimension(equal, 20) == MOST
        assert contrast(equal, 20) == 1

    def test_distances_of_zero_are_left_out_and_none_left_is_no_dimension(self):
        distances = poisson_distances(3, 500)
        with_zeros = np.concatenate([distances, np.zeros((200, 200))])
        assert two_nn(with_zeros[:, 0], with_zeros[:, 1]) == two_nn(distances[:, 0], distances[:, 1])
        assert levina_bickel(with_zeros, 20) == levina_bickel(distances, 20)
        zero = np.zeros((50, 20))
        assert two_nn(zero[:, 0], zero[:, 1]) == levina_bickel(zero, 20) == doubling_dimension(zero, 20) == 0
        assert contrast(zero, 20) == 1

    def test_rows_that_end_in_infinity_are_left_out(self):
        distances = poisson_distances(3, 500)
        cut = np.concatenate([distances, distances])
        cut[500:, 15:] = np.inf
        for k in (10, 20):
            whole = np.concatenate([distances, distances]) if k == 10 else distances
            assert levina_bickel(cut, k) == pytest.approx(levina_bickel(whole, k))
            assert doubling_dimension(cut, k) == doubling_dimension(whole, k)
            assert contrast(cut, k) == pytest.approx(contrast(whole, k))


class TestLocalPrincipalComponents:
    @pytest.mark.parametrize("scale", [1e-20, 1.0, 1e18])
    def test_against_eigenvalues(self, scale):
        points = (scale * RNG(0).standard_normal((300, 7)) * np.arange(1, 8)).astype(np.float32)
        indices = nearest_neighbours(points, 30, queries=np.arange(40)).indices
        ratios = []
        for row in indices:
            eigenvalues = np.linalg.eigvalsh(np.cov(points[row[:25]].astype(np.float64).T))
            ratios.append(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
        assert local_participation_ratio(points, indices, 25) == pytest.approx(np.median(ratios), rel=1e-5)

    def test_a_line_has_one_and_a_place_none(self):
        line = np.linspace(0, 1, 100)[:, None] * np.float32([1, 2, 3, 4])
        indices = nearest_neighbours(line.astype(np.float32), 20).indices
        assert local_participation_ratio(line.astype(np.float32), indices, 20) == pytest.approx(1)
        assert local_participation_ratio(np.ones((100, 4), np.float32), indices, 20) == 0


class TestHubs:
    def test_against_scipy(self):
        found = nearest_neighbours(RNG(0).standard_normal((400, 30)).astype(np.float32), 20).indices
        counts = np.array([(found[:, :10] == point).sum() for point in range(400)])
        assert hub_skewness(found, 10, 400) == pytest.approx(skew(counts))

    def test_no_point_is_a_hub_where_all_are_named_equally_often(self):
        ring = (np.arange(12)[:, None] + [1, 2]) % 12
        assert hub_skewness(ring, 2, 12) == 0

    def test_places_without_a_neighbour_are_not_counted(self):
        assert hub_skewness(np.array([[0, -1], [0, 1]]), 2, 3) == pytest.approx(skew([2, 1, 0]))


class TestScales:
    def test_at_most_a_quarter_of_the_others(self):
        def scales(n: int, groups=None) -> tuple[int, ...]:
            points = RNG(0).standard_normal((n, 2)).astype(np.float32)
            return scales_of(Sample(points, np.arange(n), groups=groups))

        assert scales(20) == ()
        assert scales(21) == (5,)
        assert scales(801) == SCALES
        assert scales(800) == SCALES[:-1]
        assert scales(801, np.arange(801)) == SCALES
        assert scales(801, np.repeat([0, 1, 2], [600, 200, 1])) == (5, 10, 20, 50)

    def test_figures_of_a_sample(self):
        sample = LatentCodes.of(RNG(0).standard_normal((500, 6))).sample
        names = ["twonn", *(f"mle_{k}" for k in (5, 10, 20, 50, 100))]
        names += [*(f"doubling_{k}" for k in (4, 8, 20, 50, 100)), "participation_20", "participation_50"]
        names += ["contrast_100", "hub_skewness_100"]
        assert list(dimension_figures(sample, sample.neighbours, scales_of(sample))) == names


class TestMeasure:
    def test_values(self):
        codes = LatentCodes.of(ball(3000, 5), max_points=1500, max_queries=400)
        found = DimensionMeasure().measure(codes, RNG(0))
        values = json.loads(json.dumps(found.values))
        assert values["n"] == 1500
        assert values["queries"] == 400
        assert values["of"] == 3000
        assert values["duplicates"] == 0
        assert found.points == {}
        neighbours = codes.sample.neighbours.distances
        assert values["dimension"]["mle_20"] == levina_bickel(neighbours, 20)
        assert values["distance"]["mle_20"] == pytest.approx(np.median(neighbours[:, 19]))
        assert values["distance"]["twonn"] == pytest.approx(np.median(neighbours[:, 1]))
        assert set(values["dimension"]) == set(values["distance"])
        assert "without_own_group" not in values

    def test_with_groups_both_are_told(self):
        # Ten photographs of each of 150 persons, hardly different: without them the dimension is that of the persons.
        persons = RNG(0).standard_normal((150, 4))
        codes = np.repeat(persons, 10, axis=0) + 1e-3 * RNG(1).standard_normal((1500, 4))
        values = DimensionMeasure().measure(LatentCodes.of(codes, groups=np.repeat(np.arange(150), 10)), RNG(0)).values
        assert values["dimension"]["mle_10"] < 1
        assert values["without_own_group"]["dimension"]["mle_50"] == pytest.approx(4, rel=0.4)
        assert values["without_own_group"]["distance"]["mle_5"] > 50 * values["distance"]["mle_5"]

    def test_what_cannot_be_measured_says_why(self):
        measure = DimensionMeasure()
        with pytest.raises(
            CodesError, match="dimension cannot be measured: neighbours take at least 21 distinct codes"
        ):
            measure.measure(LatentCodes.of(np.zeros((500, 3))), RNG(0))
        groups = np.repeat([0, 1], [100, 5])
        reason = measure.applies(LatentCodes.of(RNG(0).standard_normal((105, 3)), groups=groups))
        assert reason == "all but 5 codes are of one group"
        assert measure.applies(LatentCodes.of(RNG(0).standard_normal((21, 1)))) is None
