"""t-SNE maps: the forces, the divergence they end at, and how maps fall into pieces."""

import numpy as np
import pytest
from openTSNE import TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from scipy.special import xlogy
from sklearn.manifold import TSNE, trustworthiness

from zscope.errors import CodesError, ParameterError
from zscope.measures import map_engine
from zscope.measures.base import LatentCodes
from zscope.measures.fragmentation import (
    clark_evans,
    fragmentation,
    hdbscan_groups,
    kept_neighbours,
    tree_gap,
    valley_groups,
)
from zscope.measures.map_engine import Gradient, graph_of, map_divergence, start_of
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.repulsion import Repulsion
from zscope.measures.tsne import SETTINGS, MapSetting, TsneMeasure, tsne_map

RNG = np.random.default_rng
SHORT = MapSetting("standard", iterations=250)


def four_groups(n=200, d=6):
    centres = 30 * np.eye(4, d)
    members = np.arange(n) % 4
    return (centres[members] + RNG(0).standard_normal((n, d))).astype(np.float32), members


def kernel(places):
    return 1 / (1 + cdist(places, places, "sqeuclidean"))


def affinities(codes, perplexity=30):
    return PerplexityBasedNN(perplexity=perplexity, knn_index=graph_of(codes, int(3 * perplexity), None)).P


def exact_divergence(P, places):
    table, q = P.toarray(), kernel(places.astype(np.float64))
    np.fill_diagonal(q, 0)
    return float(np.sum(xlogy(table, table) - xlogy(table, np.where(table > 0, q / q.sum(), 1))))


class TestRepulsion:
    @pytest.mark.parametrize(
        ("spread", "off", "normaliser_off"), [(1e-4, 1e-5, 1e-6), (1, 1e-3, 1e-5), (8, 0.03, 1e-3), (30, 0.04, 3e-3)]
    )
    def test_against_the_sums_over_all_pairs(self, spread, off, normaliser_off):
        places = spread * RNG(0).standard_normal((1000, 2)) + [7, -3]
        weights = kernel(places)
        apart = places[:, None] - places[None]
        exact = np.einsum("ij,ijk->ik", weights**2, apart)
        forces, normaliser = Repulsion().forces(places)
        assert np.linalg.norm(forces - exact) < off * np.linalg.norm(exact)
        assert normaliser == pytest.approx(weights.sum() - 1000, rel=normaliser_off)

    def test_threads_change_nothing(self):
        places = 8 * RNG(0).standard_normal((500, 2))
        one, two = Repulsion(1).forces(places), Repulsion(2).forces(places)
        assert np.array_equal(one[0], two[0])
        assert one[1] == two[1]

    def test_a_map_that_grows_keeps_no_stale_kernel(self):
        used, places = Repulsion(), RNG(0).standard_normal((300, 2))
        for spread in (1e-3, 1, 1.01, 40, 20, 0.5):
            forces, normaliser = used.forces(spread * places)
            fresh = Repulsion().forces(spread * places)
            assert normaliser == pytest.approx(fresh[1], rel=1e-4)
            assert np.linalg.norm(forces - fresh[0]) < 0.02 * np.linalg.norm(fresh[0])

    def test_places_that_coincide(self):
        forces, normaliser = Repulsion().forces(np.full((50, 2), 3.0))
        assert np.abs(forces).max() < 1e-6
        assert normaliser == pytest.approx(50 * 49, rel=1e-5)


class TestGradient:
    def test_against_the_dense_formula(self):
        codes, _ = four_groups(300)
        P, places = affinities(codes), 5 * RNG(1).standard_normal((300, 2))
        error, gradient = Gradient()(places, P, 1, should_eval_error=True)
        weights = kernel(places)
        q = weights / (weights.sum() - 300)
        apart = places[:, None] - places[None]
        exact = np.einsum("ij,ijk->ik", (P.toarray() - q) * weights, apart)
        assert np.linalg.norm(gradient - exact) < 0.03 * np.linalg.norm(exact)
        assert error == pytest.approx(exact_divergence(P, places), rel=1e-3)


class TestDivergence:
    def test_against_the_dense_sum(self):
        codes, _ = four_groups(300)
        P, places = affinities(codes), 5 * RNG(1).standard_normal((300, 2)).astype(np.float32) + 100
        assert map_divergence(P, places) == pytest.approx(exact_divergence(P, places), abs=1e-5)

    def test_part_of_the_pairs_is_enough(self, monkeypatch):
        # 100 of 3,000 points; their sums of the kernel have a relative sd of 0.4, so that the error has one of 0.04.
        places = 5 * RNG(1).standard_normal((3000, 2))
        P = affinities(RNG(0).standard_normal((3000, 4)).astype(np.float32))
        whole = map_divergence(P, places)
        monkeypatch.setattr(map_engine, "_PAIRS", 300_000)
        part = [map_divergence(P, places, seed) for seed in range(20)]
        assert 0 < np.std(part) < 0.08
        assert np.mean(part) == pytest.approx(whole, abs=0.04)


class TestTsne:
    def test_settings(self):
        assert [(s.name, s.exaggeration, s.perplexity, s.iterations, s.components, s.early) for s in SETTINGS] == [
            ("standard", 12, 30, 1000, None, 250),
            ("seeds", 16, 10, 1000, None, 250),
            ("pc2", 12, 30, 1000, 2, 250),
            ("pc4", 12, 30, 1000, 4, 250),
            ("pc10", 12, 30, 1000, 10, 250),
        ]

    def test_map_keeps_the_groups(self):
        codes, members = four_groups()
        made = tsne_map(codes, MapSetting("standard", iterations=500), 0)
        assert made.coordinates.shape == (200, 2)
        # Random coordinates have a trustworthiness near 0.5.
        assert trustworthiness(codes, made.coordinates, n_neighbors=10) > 0.9
        distances = cdist(made.coordinates, made.coordinates)
        np.fill_diagonal(distances, np.inf)
        assert np.mean(members[distances.argmin(1)] == members) == 1

    def test_divergence_is_as_low_as_that_of_scikit_learn(self):
        codes = RNG(0).standard_normal((250, 8)).astype(np.float32)
        made = tsne_map(codes, MapSetting("standard"), 0)
        peer = TSNE(random_state=0).fit_transform(codes)
        assert made.divergence == pytest.approx(exact_divergence(affinities(codes), made.coordinates), abs=1e-4)
        # Each ends at a minimum of its own: from −1 to −3 % here over five seeds of the codes.
        assert made.divergence <= 1.02 * exact_divergence(affinities(codes), peer)

    def test_on_a_grid_it_is_as_low_as_with_the_tree(self):
        codes = RNG(0).standard_normal((1500, 16)).astype(np.float32)
        made = tsne_map(codes, SHORT, 0)
        assert made.engine == "openTSNE, grid"
        peer = TSNEEmbedding(
            start_of(codes, 0),
            PerplexityBasedNN(perplexity=30, knn_index=graph_of(codes, 90, None)),
            negative_gradient_method="bh",
        )
        peer.optimize(250, exaggeration=12, momentum=0.8, inplace=True)
        assert made.divergence <= 1.01 * map_divergence(peer.affinities.P, np.asarray(peer))

    def test_several_maps_share_neighbours(self):
        codes, _ = four_groups(100)
        wide = nearest_neighbours(codes, 99)
        for perplexity in (5, 20):
            setting = MapSetting("x", perplexity=perplexity, iterations=250)
            alone, shared = tsne_map(codes, setting, 0), tsne_map(codes, setting, 0, neighbours=wide)
            assert np.array_equal(alone.coordinates, shared.coordinates)
        with pytest.raises(ParameterError, match="neighbours must be 60 or more of all 100 codes, got 59 of 100"):
            tsne_map(codes, setting, 0, neighbours=nearest_neighbours(codes, 59))

    def test_no_scale(self):
        codes, _ = four_groups(100)
        setting = MapSetting("x", iterations=20, early=20)
        first, second = (tsne_map(codes * scale, setting, 0).coordinates for scale in (1, 2.0**-30))
        assert np.allclose(first, second, rtol=1e-3, atol=1e-9)

    def test_coinciding_codes_stay_together(self):
        codes = np.repeat(RNG(0).standard_normal((40, 5)).astype(np.float32), 3, axis=0)
        made = tsne_map(codes, MapSetting("x", perplexity=5, iterations=250), 0).coordinates
        own = np.linalg.norm(made[::3] - made[1::3], axis=1)
        assert own.max() < 0.1 * np.ptp(made, axis=0).min()

    def test_codes_on_a_line_keep_their_order(self):
        # One direction of variance: the second component is nothing, and only the jitter leaves the line.
        steps = np.sort(RNG(0).random(80))
        codes = (steps[:, None] * np.ones(3)).astype(np.float32)
        made = tsne_map(codes, MapSetting("x", perplexity=5, iterations=500), 0).coordinates
        apart = cdist(made, made)
        np.fill_diagonal(apart, np.inf)
        assert np.mean(np.abs(apart.argmin(1) - np.arange(80)) <= 2) > 0.95

    def test_columns_and_points_left_out(self):
        codes = LatentCodes.of(RNG(0).standard_normal((150, 6)))
        settings = tuple(
            MapSetting(s.name, s.exaggeration, s.perplexity, iterations=250, components=s.components) for s in SETTINGS
        )
        found = TsneMeasure(max_points=100, settings=settings).measure(codes, RNG(0))
        # Ten components of six dimensions would repeat the map of all.
        assert list(found.points) == [
            "neighbour_distance",
            *(f"tsne.{name}.{xy}" for name in ("standard", "seeds", "pc2", "pc4") for xy in "xy"),
        ]
        used = ~np.isnan(found.points["tsne.standard.x"])
        assert used.sum() == found.values["n"] == 100
        assert found.values["of"] == 150
        assert all(np.array_equal(~np.isnan(column), used) for column in found.points.values())
        assert [made["components"] for made in found.values["maps"]] == [None, None, 2, 4]
        distances = np.sort(cdist(codes.mean[used], codes.mean[used]), axis=1)
        assert np.allclose(found.points["neighbour_distance"][used], distances[:, 10], rtol=1e-5)

    def test_figures_of_a_map(self):
        codes, _ = four_groups(160)
        found = TsneMeasure(settings=(SHORT,)).measure(LatentCodes.of(codes), RNG(0))
        (made,) = found.values["maps"]
        assert made["fragmentation"]["n"] == 160
        assert made["fragmentation"]["outside"] == 0.75
        assert made["fragmentation"]["groups"] == made["fragmentation"]["hdbscan_groups"] == 4
        places = np.stack([found.points["tsne.standard.x"], found.points["tsne.standard.y"]], axis=1)
        assert made["kept_neighbours"] == kept_neighbours(places, nearest_neighbours(codes, 10).indices)

    def test_two_dimensions_need_no_map_of_components(self):
        settings = tuple(MapSetting(s.name, iterations=250, components=s.components) for s in SETTINGS)
        found = TsneMeasure(settings=settings).measure(LatentCodes.of(RNG(0).standard_normal((40, 2))), RNG(0))
        assert [made["name"] for made in found.values["maps"]] == ["standard", "seeds"]
        assert found.values["maps"][0]["perplexity"] == 13
        assert found.values["maps"][0]["perplexity_asked"] == 30

    @pytest.mark.parametrize("n", [60, 1500])
    def test_same_seed_same_map_with_any_number_of_threads(self, n, monkeypatch):
        codes, _ = four_groups(n)
        setting = MapSetting("standard", iterations=20, early=10)
        first = tsne_map(codes, setting, 5).coordinates
        monkeypatch.setattr("zscope.measures.tsne.product_threads", lambda: 2)
        assert np.array_equal(first, tsne_map(codes, setting, 5).coordinates)
        assert not np.array_equal(first, tsne_map(codes, setting, 6).coordinates)

    def test_progress(self):
        told = []
        setting = MapSetting("x", iterations=250, early=100)
        tsne_map(four_groups(60)[0], setting, 0, progress=lambda what, done, total, **_: told.append((done, total)))
        assert told == [(done, 250) for done in (50, 100, 150, 200, 250)]

    @pytest.mark.parametrize(
        ("codes", "says"),
        [
            (np.ones((9, 3)), "at least 10 points, got 9"),
            (np.ones((20, 1)), "at least 2 dimensions"),
            (np.ones((20, 3)), "same point"),
        ],
    )
    def test_codes_without_a_map(self, codes, says):
        assert says in TsneMeasure().applies(LatentCodes.of(codes))
        with pytest.raises(CodesError, match=says):
            tsne_map(codes, MapSetting("standard"), 0)

    @pytest.mark.parametrize(
        ("setting", "says"),
        [
            (MapSetting("x", perplexity=0), "perplexity must be above 0, got 0"),
            (MapSetting("x", iterations=100), "iterations must be at least 250, got 100"),
            (MapSetting("x", iterations=100, early=-1), "early must be at least 0, got -1"),
        ],
    )
    def test_settings_out_of_bounds(self, setting, says):
        with pytest.raises(ParameterError, match=says):
            tsne_map(four_groups(20)[0], setting, 0)


def two_groups(apart, n=4000):
    places = RNG(0).standard_normal((n, 2))
    places[::2, 0] += apart
    return places


class TestFragmentation:
    def test_groups_that_do_not_touch(self):
        members = np.repeat([0, 1, 2], [300, 200, 100])
        places = 40 * np.array([[0, 0], [1, 0], [0, 1]])[members] + RNG(0).standard_normal((600, 2))
        groups = valley_groups(places)
        assert {tuple(np.unique(members[groups == group])) for group in np.unique(groups)} == {(0,), (1,), (2,)}
        seen = fragmentation(places)
        assert seen.outside == 0.5
        assert seen.groups == seen.hdbscan_groups == hdbscan_groups(places) == 3

    @pytest.mark.parametrize(("apart", "groups"), [(2.6, 1), (4, 2)])
    def test_two_gaussians_are_two_by_the_depth_of_their_valley(self, apart, groups):
        # Halfway between equal Gaussians the density is 2 exp(−a² / 8) / (1 + exp(−a² / 2)) of that at their centres:
        # 0.83 at 2.6, above the bound of 0.7, and 0.27 at 4.
        sizes = np.bincount(valley_groups(two_groups(apart)))
        assert np.count_nonzero(sizes > 80) == groups
        assert sizes.sum() == 4000

    def test_the_valley_is_a_parameter(self):
        places = two_groups(4)
        assert np.count_nonzero(np.bincount(valley_groups(places, valley=0.15)) > 80) == 1

    def test_an_even_disc_is_one_group(self):
        angle, radius = RNG(0).random((2, 2000))
        places = np.sqrt(radius)[:, None] * np.stack([np.cos(7 * angle), np.sin(7 * angle)], axis=1)
        assert fragmentation(places).outside < 0.2

    def test_no_scale(self):
        places = two_groups(4, 400)
        first, second = fragmentation(places).as_json(), fragmentation(places * 1e4).as_json()
        assert first == pytest.approx(second)

    def test_tree_against_all_pairs(self):
        places = np.concatenate([RNG(0).random((150, 2)), 5 + RNG(1).random((50, 2))])
        edges = minimum_spanning_tree(cdist(places, places)).data
        assert tree_gap(places) == pytest.approx(np.quantile(edges, 0.995) / np.median(edges))

    def test_clark_evans_of_a_lattice_and_of_chance(self):
        lattice = np.stack(np.meshgrid(np.arange(40.0), np.arange(40.0)), axis=-1).reshape(-1, 2)
        assert clark_evans(lattice) == pytest.approx(40 / 39 / 0.5, rel=1e-6)
        # sd 0.52 / sqrt(n) = 0.012; without an edge correction the mean is 0.01 to 0.02 too high.
        assert clark_evans(RNG(0).random((2000, 2))) == pytest.approx(1.015, abs=0.04)

    def test_coinciding_places(self):
        seen = fragmentation(np.repeat(two_groups(60, 100), 3, axis=0))
        assert (seen.clark_evans, seen.gap) == (0, 1)
        assert 0.5 <= seen.outside < 1

    def test_kept_neighbours(self):
        places = RNG(0).standard_normal((400, 2)).astype(np.float32)
        nearest = nearest_neighbours(places, 10).indices
        assert kept_neighbours(places, nearest) == 1
        # Of shuffled places 30 of 399 are near: 10 · 400 looks, sd 0.0042.
        shuffled = RNG(1).permutation(places)
        assert kept_neighbours(shuffled, nearest) == pytest.approx(30 / 399, abs=0.017)
        rows = np.arange(5)
        far = cdist(shuffled, shuffled)
        np.fill_diagonal(far, np.inf)
        among = far.argsort(axis=1)[:5, :30]
        by_hand = np.mean([len(np.intersect1d(nearest[row], among[row])) / 10 for row in rows])
        assert kept_neighbours(shuffled, nearest, rows) == pytest.approx(by_hand)
