"""k-means: Lloyd's iterations, merging, and inertias."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from zscope.measures.kmeans import Cells, centres_of, inertias, lloyd, merged
from zscope.measures.threads import threads

RNG = np.random.default_rng


def points(n=5000, d=7):
    made = RNG(0).standard_normal((n, d)) * np.arange(1, d + 1)
    return (made - made.mean(axis=0)).astype(np.float32)


class TestLloyd:
    def test_the_same_as_scikit_learn(self):
        codes = points()
        found = lloyd(codes, codes[:9], 400)
        theirs = KMeans(9, init=codes[:9], n_init=1, max_iter=400, tol=0, algorithm="lloyd").fit(codes)
        assert found.centres == pytest.approx(theirs.cluster_centers_, abs=1e-3)
        assert np.array_equal(found.sizes, np.bincount(theirs.labels_))

    def test_centres_near_no_point_stay(self):
        found = lloyd(points(50), np.array([np.zeros(7), np.full(7, 1e3)]), 3)
        assert np.array_equal(found.centres[1], np.full(7, 1e3))
        assert found.sizes.tolist() == [50, 0]

    def test_threads_change_nothing(self):
        codes = points(20_000)
        with threads() as each:
            beside = lloyd(codes, codes[:30], 4, each)
        assert np.array_equal(beside.centres, lloyd(codes, codes[:30], 4).centres)


class TestMerging:
    def test_single_points_merge_as_wards_linkage(self):
        codes = points(60)
        tree = fcluster(linkage(codes.astype(np.float64), "ward"), 6, "maxclust")
        expected = np.array([codes[tree == one].mean(axis=0) for one in range(1, 7)])
        found = merged(Cells(codes, np.ones(60, dtype=np.int64)), 6)
        assert np.sort(found, axis=0) == pytest.approx(np.sort(expected, axis=0), abs=1e-4)

    def test_sizes_count(self):
        # Merging 0 and 1 costs 1 · 9 / 10 · 1² = 0.9, merging 1 and 2.2 costs 9 · 9 / 18 · 1.2² = 6.5.
        cells = Cells(np.array([[0.0], [1.0], [2.2]], np.float32), np.array([1, 9, 9]))
        assert merged(cells, 2).ravel() == pytest.approx([0.9, 2.2])
        # With single points it is the other way round: 0.5 · 1.44 against 0.5 · 1.
        cells = Cells(np.array([[0.0], [1.2], [2.2]], np.float32), np.array([1, 1, 1]))
        assert merged(cells, 2).ravel() == pytest.approx([0, 1.7])

    def test_empty_cells_go_first(self):
        cells = Cells(np.array([[0.0], [0.1], [50.0], [9.0]], np.float32), np.array([5, 5, 0, 0]))
        assert sorted(merged(cells, 2).ravel().tolist()) == pytest.approx([0, 0.1])


class TestCurve:
    def test_inertias_are_mean_squared_distances(self):
        codes = points(1000)
        several = [codes[:1], codes[5:9], codes[100:300]]
        expected = [np.square(cdist(codes, centres).min(axis=1)).mean() for centres in several]
        assert inertias(codes, several) == pytest.approx(expected, rel=1e-4)

    def test_numbers_of_centres(self):
        assert [len(one) for one in centres_of(points(40), [20, 7, 1], RNG(0))] == [20, 7, 1]
        assert [len(one) for one in centres_of(points(40), [40], RNG(0))] == [40]

    def test_merging_finds_groups_that_random_starts_miss(self):
        corners = 12 * np.eye(20)
        codes = (corners[np.arange(2000) % 20] + RNG(0).standard_normal((2000, 20))).astype(np.float32)
        codes -= codes.mean(axis=0)
        (centres,) = centres_of(codes, [20], RNG(1))
        # With every group found, what is left is the variance 1 in 20 dimensions, less the 20 · 20 fitted means.
        assert inertias(codes, [centres])[0] == pytest.approx(20 * (1 - 20 / 2000), rel=0.02)

    def test_repeated_points(self):
        codes = np.repeat(np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32), 20, axis=0)
        (centres,) = centres_of(codes, [8], RNG(0))
        assert inertias(codes, [centres])[0] == 0
