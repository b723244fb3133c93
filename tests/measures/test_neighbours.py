"""Exact neighbours, against distances in double precision."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from zscope.errors import ParameterError
from zscope.measures import neighbours
from zscope.measures.neighbour_gpu import on_gpu
from zscope.measures.neighbour_search import Search, by_blocks
from zscope.measures.neighbours import Neighbours, nearest_distances, nearest_neighbours
from zscope.typing import silent

RNG = np.random.default_rng
ROUNDING = 1e-5


def gaussian(n: int, d: int, seed: int = 0) -> np.ndarray:
    return RNG(seed).standard_normal((n, d)).astype(np.float32)


def others(points, queries=None, groups=None) -> np.ndarray:
    """All distances in double precision, infinite where a point is no neighbour of the query."""
    apart = cdist(points.astype(np.float64), points.astype(np.float64))
    np.fill_diagonal(apart, np.inf)
    if groups is not None:
        apart[groups[:, None] == groups] = np.inf
    return apart if queries is None else apart[queries]


def assert_exact(found: Neighbours, apart: np.ndarray) -> None:
    """Distances are the smallest there are, rising, and those of the points that are named, each named once."""
    m, k = found.distances.shape
    assert found.distances.dtype == np.float32
    assert found.indices.shape == (m, k)
    np.testing.assert_allclose(found.distances, np.sort(apart, axis=1)[:, :k], rtol=ROUNDING, atol=0)
    named = found.indices >= 0
    assert (named == np.isfinite(found.distances)).all()
    own = np.take_along_axis(apart, np.where(named, found.indices, 0).astype(np.int64), axis=1)
    np.testing.assert_allclose(np.where(named, own, np.inf), found.distances, rtol=ROUNDING, atol=0)
    with np.errstate(invalid="ignore"):
        assert not (np.diff(found.distances, axis=1) < 0).any()
    ordered = np.sort(np.where(named, found.indices, -1 - np.arange(k)), axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()


class TestAgainstAllDistances:
    @pytest.mark.parametrize("d", [1, 3, 8, 64])
    @pytest.mark.parametrize("n", [2, 50, 1500, 3500])
    def test_all_points(self, n, d):
        points = gaussian(n, d)
        assert_exact(nearest_neighbours(points, min(30, n - 1)), others(points))

    @pytest.mark.parametrize("d", [2, 40])
    def test_queries_and_as_many_neighbours_as_there_are(self, d):
        points, queries = gaussian(3000, d), RNG(1).permutation(3000)[:40]
        for k in (1, 200, 2999):
            assert_exact(nearest_neighbours(points, k, queries=queries), others(points, queries))

    def test_engines_agree_in_few_dimensions(self):
        points = gaussian(3000, 4)
        tree, product = (nearest_neighbours(points, 20, engine=engine) for engine in ("tree", "blocks"))
        assert (tree.engine, product.engine) == ("tree", "blocks")
        assert nearest_neighbours(points, 20).engine == "tree"
        assert nearest_neighbours(gaussian(100, 6), 20).engine == "blocks"
        np.testing.assert_allclose(tree.distances, product.distances, rtol=ROUNDING)

    def test_threads_change_nothing(self):
        points = gaussian(3500, 16)
        with threadpool_limits(1):
            one = nearest_neighbours(points, 20)
        with threadpool_limits(3):
            many = nearest_neighbours(points, 20)
        assert (one.indices == many.indices).all()
        np.testing.assert_allclose(one.distances, many.distances, rtol=1e-6)

    def test_progress_reaches_the_number_of_queries(self):
        told = []
        nearest_neighbours(gaussian(2500, 8), 5, progress=lambda what, done, total, **_: told.append((done, total)))
        assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]


def awkward() -> dict[str, np.ndarray]:
    points = gaussian(3000, 24)
    far = points.copy()
    far[1500:] += 300
    outliers = points.copy()
    outliers[:3] *= 1e6
    tight = points.copy()
    tight[:500] = tight[0] + 1e-4 * gaussian(500, 24, 1)
    pairs = np.repeat(points[:1500], 2, axis=0)
    pairs[1::2] += 1e-6 * gaussian(1500, 24, 2)
    axes = points * np.geomspace(1e3, 1e-1, 24).astype(np.float32)
    return {
        "far from the origin": points + 1000,
        "tiny": points * np.float32(1e-20),
        "huge": points * np.float32(1e18),
        "two clusters far apart": far,
        "far outliers": outliers,
        "more near-duplicates than neighbours": tight,
        "near-duplicate pairs": pairs,
        "axes of very different width": axes,
        "heavy tails": RNG(3).standard_t(1.5, (3000, 24)).astype(np.float32),
        "a lattice of equal distances": np.sign(points),
        "rounded values": np.round(2 * points) / 2,
    }


AWKWARD = awkward()


class TestAwkwardClouds:
    @pytest.mark.parametrize("name", AWKWARD)
    def test_products_that_lose_digits_are_taken_again(self, name):
        points = AWKWARD[name].astype(np.float32)
        queries = RNG(4).permutation(3000)[:300]
        assert_exact(nearest_neighbours(points, 50), others(points))
        assert_exact(nearest_neighbours(points, 50, queries=queries), others(points, queries))

    def test_queries_are_looked_up_again_where_products_are_blind_and_hardly_ever_else(self):
        again = {
            name: by_blocks(Search.among(AWKWARD[name], 50, None, None), silent).again.mean()
            for name in ("far from the origin", "two clusters far apart", "more near-duplicates than neighbours")
        }
        assert again["far from the origin"] < 0.02
        assert again["two clusters far apart"] >= 0.5
        assert 500 / 3000 <= again["more near-duplicates than neighbours"] < 0.2

    @pytest.mark.parametrize("d", [2, 24])
    def test_a_query_is_left_out_by_its_row_not_by_its_distance(self, d):
        points = np.zeros((3000, d), np.float32)
        points[2000:] = gaussian(1000, d) + 10
        found = nearest_neighbours(points, 20)
        assert (found.indices != np.arange(3000)[:, None]).all()
        assert (found.distances[:2000] == 0).all()
        assert_exact(found, others(points))


class TestGroups:
    @pytest.mark.parametrize("d", [2, 24])
    def test_the_own_group_is_left_out(self, d):
        points, groups, queries = gaussian(3000, d), RNG(1).integers(0, 100, 3000), np.arange(200, 300)
        assert_exact(nearest_neighbours(points, 25, groups=groups), others(points, None, groups))
        found = nearest_neighbours(points, 25, queries=queries, groups=groups)
        assert_exact(found, others(points, queries, groups))
        assert (groups[found.indices] != groups[queries][:, None]).all()

    def test_where_the_other_groups_are_too_small_the_row_ends_in_infinity(self):
        points, groups = gaussian(2500, 12), np.zeros(2500, np.int64)
        groups[:7] = np.arange(1, 8)
        found = nearest_neighbours(points, 10, queries=np.array([0, 100]), groups=groups)
        assert np.isfinite(found.distances[0]).all()
        assert np.isfinite(found.distances[1]).sum() == 7
        assert sorted(found.indices[1]) == [-1, -1, -1, 0, 1, 2, 3, 4, 5, 6]
        assert_exact(found, others(points, [0, 100], groups))


class TestNearestDistances:
    @pytest.mark.parametrize("d", [1, 5, 6, 64])
    def test_against_all_distances(self, d):
        points, probes = gaussian(2500, d), gaussian(1200, d, 1)
        probes[:100] = points[:100]
        probes[100:200] = points[100:200] * np.float32(1 + 1e-5)
        found = nearest_distances(points, probes)
        assert found.shape == (1200,)
        assert (found[:100] == 0).all()
        true = cdist(probes.astype(np.float64), points.astype(np.float64)).min(axis=1)
        np.testing.assert_allclose(found, true, rtol=ROUNDING)

    def test_one_point_and_a_probe_far_away(self):
        assert nearest_distances(np.zeros((1, 9), np.float32), np.full((1, 9), 4e6, np.float32)) == pytest.approx(1.2e7)


class TestGpu:
    @pytest.mark.parametrize("grouped", [False, True])
    @pytest.mark.parametrize("rows", [None, np.arange(450, 600)], ids=["all", "queries"])
    def test_the_same_products_on_the_processor_find_the_same(self, rows, grouped):
        points = AWKWARD["more near-duplicates than neighbours"]
        groups = RNG(5).integers(0, 200, 3000) if grouped else None
        search = Search.among(points, 30, rows, groups)
        mine, theirs = by_blocks(search, silent), on_gpu(search, silent, "cpu")
        settled = ~(mine.again | theirs.again)
        assert settled.any()
        for one, other in zip(mine.places[settled], theirs.places[settled], strict=True):
            # Of two that are equally far, but for the rounding, each may take another as its last.
            assert len(np.intersect1d(one, other)) >= 29

    @pytest.mark.parametrize(
        ("there", "n", "engine"), [(True, 3000, "cuda"), (True, 300, "blocks"), (False, 3000, "blocks")]
    )
    def test_large_searches_take_it_where_it_is_there(self, monkeypatch, there, n, engine):
        monkeypatch.setattr(neighbours, "_WORTH_A_GPU", 1e6 * 40)
        monkeypatch.setattr(neighbours, "gpu_there", lambda: there)
        monkeypatch.setattr(neighbours, "on_gpu", lambda search, progress: on_gpu(search, progress, "cpu"))
        points = gaussian(n, 40)
        found = nearest_neighbours(points, 3)
        assert found.engine == engine
        assert np.allclose(found.distances, nearest_neighbours(points, 3, engine="blocks").distances, rtol=1e-5)

    def test_no_driver_no_gpu_and_no_torch(self):
        said = (
            "import sys, zscope.measures.neighbour_gpu as gpu; gpu.find_library = lambda name: None;"
            "print(gpu.gpu_there(), 'torch' in sys.modules)"
        )
        told = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
        assert told.stdout.split() == ["False", "False"]

    def test_without_a_gpu_it_is_an_error(self):
        import torch

        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
        with pytest.raises(ParameterError, match="engine must be auto, blocks or tree where there is no CUDA GPU"):
            nearest_neighbours(gaussian(50, 8), 3, engine="cuda")


class TestMemory:
    def test_it_grows_with_the_points_and_not_with_the_pairs(self):
        # A point has 4 · (8 + 2) bytes laid out, 8 · 20 found and as much in the answer, and some 70 · 10 of pairs that
        # wait; a quarter of one block of products for each block of points would be 10,000.
        points = gaussian(20_000, 8)
        with threadpool_limits(1):
            tracemalloc.start()
            nearest_neighbours(points, 20)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 1_500 * len(points)


class TestErrors:
    @pytest.mark.parametrize("k", [0, 20])
    def test_k_out_of_bounds(self, k):
        with pytest.raises(ParameterError, match=f"k must be at least 1 and at most 19, .* got {k}"):
            nearest_neighbours(gaussian(20, 3), k)

    def test_engine(self):
        with pytest.raises(ParameterError, match="engine must be one of auto, blocks, tree, cuda, got ball"):
            nearest_neighbours(gaussian(20, 3), 2, engine="ball")  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="engine must be blocks or cuda where groups are left out"):
            nearest_neighbours(gaussian(20, 3), 2, groups=np.arange(20), engine="tree")
