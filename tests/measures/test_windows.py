"""Patterns in windows of planes: closed forms, independent implementations, and what they cannot see."""

import json

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, norm

from zscope.errors import ParameterError
from zscope.measures import LatentCodes, PlanesMeasure
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.planes import densest_place, lineup_points, plane_projection, project
from zscope.measures.windows import (
    STATISTICS,
    cell_counts,
    clark_evans,
    draw_window,
    grid_side,
    patterns,
    smooth_density,
    spanning_tree,
    window_tests,
)

RNG = np.random.default_rng


def uniform(n, seed=0):
    return RNG(seed).uniform(-1, 1, (n, 2))


def patch(x, y, seed=1, **settings):
    return window_tests(x, y, (0.0, 0.0), 1.0, RNG(seed), **settings)


class TestFigures:
    def test_cells_are_numpys(self):
        points = np.concatenate([uniform(500), [[-1, -1], [1, 1], [-1, 1]]])
        counts = cell_counts(points, 7)
        assert np.array_equal(counts, np.histogram2d(*points.T, bins=7, range=[[-1, 1], [-1, 1]])[0].ravel())

    @pytest.mark.parametrize("n", [30, 31, 100, 999, 2000])
    def test_one_to_two_points_a_cell(self, n):
        assert 1.5 <= n / grid_side(n) ** 2 < 2.5

    def test_tree_is_the_one_of_all_pairs(self):
        points = uniform(300, 3)
        starts, ends, nearest = spanning_tree(points)
        full = cdist(points, points)
        assert full[starts, ends].sum() == pytest.approx(minimum_spanning_tree(full).sum(), rel=1e-12)
        assert len(starts) == 299
        assert np.allclose(nearest, cKDTree(points).query(points, 2)[0][:, 1])

    def test_clark_evans_of_a_lattice(self):
        # Nearest distances are the spacing 0.1; the area is 4, so that without an edge the ratio is near 2.
        side = 20
        n, nearest = side**2, np.full(side**2, 0.1)
        assert clark_evans(nearest, 4.0, 0.0) == pytest.approx(2)
        assert clark_evans(nearest, 4.0, 8.0) == pytest.approx(0.1 / (0.05 + (0.0514 + 0.041 / side) * 8 / n))

    def test_what_uniform_points_give(self):
        # Means over 60 patterns of 400 points, bounds at 4 standard errors of the known values: Clark-Evans 1 by
        # Donnelly's correction, variance / mean 1 - 1/256 (multinomial, 256 cells), empty cells (1 - 1/256)^400, and
        # 0.566 of the tree's nodes with two neighbours (Steele, Shepp & Eddy 1987, to 0.01 for a window with edges).
        found = np.array([patterns(uniform(400, seed)) for seed in range(60)])
        error = found.std(axis=0, ddof=1) / np.sqrt(60)
        known = [(1 - 1 / 256) ** 400, 1 - 1 / 256, 1.0, 0.566]
        assert np.all(np.abs(found.mean(axis=0) - known) < 4 * error + [0, 0, 0, 0.01])

    def test_a_chain_has_two_neighbours_but_at_its_ends(self):
        angle = np.linspace(0.1, 5.5, 200)
        assert patterns(0.8 * np.column_stack([np.cos(angle), np.sin(angle)]))[3] == pytest.approx(198 / 200)


class TestSmoothDensity:
    def test_a_gaussian_is_found_again(self):
        # Cell probabilities of N((0.2, -0.1), 0.5² and 0.3²) in the window, from 200,000 points.
        points = RNG(0).standard_normal((400_000, 2)) * [0.5, 0.3] + [0.2, -0.1]
        points = points[np.abs(points).max(axis=1) <= 1]
        edges = np.linspace(-1, 1, 33)
        across, up = (np.diff(norm.cdf(edges, mean, sd)) for mean, sd in ((0.2, 0.5), (-0.1, 0.3)))
        known = np.outer(across, up).ravel() / np.outer(across, up).sum()
        assert np.abs(smooth_density(points) - known).sum() < 0.01

    def test_the_fit_has_the_moments_of_the_points(self):
        points = np.clip(RNG(2).standard_normal((80, 2)) @ [[0.4, 0.3], [0.0, 0.2]], -1, 1)
        density = smooth_density(points)
        assert density.sum() == pytest.approx(1)
        middles = (np.arange(32) + 0.5) / 16 - 1
        u, v = (grid.ravel() for grid in np.meshgrid(middles, middles, indexing="ij"))
        cells = np.clip(((points + 1) * 16).astype(int), 0, 31)
        for feature in (u, v, u * u, v * v, u * v):
            own = feature[cells[:, 0] * 32 + cells[:, 1]].mean()
            assert density @ feature == pytest.approx(own, abs=1e-6)

    def test_draws_follow_the_density(self):
        # A chi-square test that fails once in 1,000.
        density = smooth_density(RNG(3).standard_normal((500, 2)) * 0.4 * np.array([1, 0.8]))
        drawn = draw_window(density, 50_000, RNG(4))
        assert np.abs(drawn).max() <= 1
        coarse = density.reshape(8, 4, 8, 4).sum(axis=(1, 3)).ravel()
        assert chisquare(cell_counts(drawn, 8), 50_000 * coarse).pvalue > 0.001


class TestTests:
    def test_level(self):
        # 80 windows of Gaussians, centred at the densest place: p is at most 0.1 in 10 % of them, or in fewer since the
        # place is chosen by the points; 8 + 4 sd is 18.7.
        low = np.zeros(4)
        for seed in range(80):
            points = RNG(seed).standard_normal((1500, 2))
            half = (0.25, 0.6, 2.5)[seed % 3]
            found = window_tests(*points.T, densest_place(*points.T), half, RNG(seed), draws=19, most=200)
            low += [found.statistics[name].p <= 0.1 + 1e-9 for name in STATISTICS]
        assert np.all(low < 18.7)

    def test_lines_in_the_plane_itself_are_seen(self):
        # Points on 30 straight lines across the window: clumps and short distances that no smooth density has.
        rng = RNG(0)
        angle, away, along = rng.uniform(0, np.pi, 30), rng.uniform(-0.9, 0.9, 30), rng.uniform(-1.5, 1.5, (30, 40))
        x = away[:, None] * np.cos(angle)[:, None] - along * np.sin(angle)[:, None]
        y = away[:, None] * np.sin(angle)[:, None] + along * np.cos(angle)[:, None]
        found = patch(x.ravel(), y.ravel()).statistics
        assert found["clark_evans"].p == found["variance_ratio"].p == 0.01
        assert found["clark_evans"].value < 0.8 < 0.95 < found["clark_evans"].null_mean

    def test_a_lattice_is_too_even(self):
        grid = np.stack(np.meshgrid(*[np.linspace(-0.97, 0.97, 24)] * 2), axis=-1).reshape(-1, 2)
        found = patch(*(grid + RNG(0).uniform(-0.01, 0.01, grid.shape)).T).statistics
        assert found["clark_evans"].p == 0.01
        assert found["clark_evans"].value > 1.5

    def test_most_points_and_repeated_ones(self):
        points = np.repeat(uniform(600), 2, axis=0)
        assert patch(*points.T, draws=1).n == 600
        assert patch(*points.T, draws=1, most=200).n == 200

    @pytest.mark.parametrize(
        "points",
        [
            uniform(29),
            np.repeat(uniform(29), 5, axis=0),
            np.column_stack([np.linspace(-1, 1, 200), np.zeros(200)]),
            np.linspace(-1, 1, 200)[:, None] * [1.0, -0.5] + 1e-3 * uniform(200),
            np.zeros((200, 2)),
        ],
        ids=["few", "few distinct", "line", "thin", "one place"],
    )
    def test_windows_without_a_patch_have_no_figures(self, points):
        assert patch(*points.T) is None

    def test_draws_are_at_least_one(self):
        with pytest.raises(ParameterError, match="draws must be at least 1, got 0"):
            patch(*uniform(50).T, draws=0)


def on_curves(count, n, d, rng):
    """Points along closed curves without any thickness: random trigonometric series, eight points to the fastest."""
    each = n // count
    angle = 2 * np.pi * np.arange(each) / each
    turns = np.outer(angle, np.arange(1, max(each // 8, 1) + 1))
    waves = np.concatenate([np.cos(turns), np.sin(turns)], axis=1) / np.sqrt(turns.shape[1])
    spectrum = np.linspace(2, 0.3, d)
    return np.concatenate([waves @ rng.standard_normal((waves.shape[1], d)) * spectrum for _ in range(count)])


class TestNoPower:
    @pytest.mark.parametrize("count", [20, 200, 2000])
    def test_codes_that_all_lie_on_curves_look_like_a_smooth_cloud(self, count):
        # In all 96 dimensions the nearest code is the next one on the same curve; in the plane nothing is seen of it.
        # Of the 8 p-values of a smooth cloud 0.4 are at 0.05 or below; more than 3 come once in 2,000, if independent.
        codes = on_curves(count, 20_000, 96, RNG(5)).astype(np.float32)
        queries = np.arange(0, 20_000, 40)
        near, each = nearest_neighbours(codes, 1, queries=queries).indices[:, 0], 20_000 // count
        step = np.abs(near - queries)
        assert np.mean(np.minimum(step, each - step) == 1) > 0.99
        projection = plane_projection(codes)
        columns = project(codes, projection)
        x, y = (columns[name] for name in projection.planes[0])
        place = densest_place(x, y)
        low = 0
        for half_width in (0.5, 2.0):
            found = window_tests(x, y, place, half_width, RNG(1), draws=39, most=800)
            assert found.n > 500
            assert abs(found.statistics["two_neighbours"].value - 0.56) < 0.05
            low += sum(test.p <= 0.05 for test in found.statistics.values())
        assert low <= 3


class TestMeasure:
    def test_only_zooms_with_enough_points_have_figures(self):
        codes = LatentCodes.of(RNG(0).standard_normal((2000, 3)))
        values = PlanesMeasure(draws=3, most=500).measure(codes, RNG(0)).values
        assert values["draws"] == 3
        json.dumps(values, allow_nan=False)
        seen = {True: 0, False: 0}
        for plane in values["planes"]:
            assert plane["windows"][0]["statistics"] is None
            for window in plane["windows"][1:]:
                seen[window["statistics"] is None] += 1
                assert (window["statistics"] is None) == (window["count"] < 30)
                if window["statistics"] is not None:
                    assert list(window["statistics"]) == list(STATISTICS)
                    assert set(window["statistics"]["empty"]) == {"value", "null_mean", "null_sd", "p"}
                    assert window["tested"] == min(window["count"], 500)
        assert seen[False] > 4

    def test_collapsed_axes_make_no_patch(self):
        codes = np.zeros((300, 2))
        codes[:, 0] = RNG(0).standard_normal(300)
        for plane in PlanesMeasure(draws=1).measure(LatentCodes.of(codes), RNG(0)).values["planes"]:
            assert all(window["statistics"] is None for window in plane["windows"])


class TestLineup:
    def lineup(self, codes, seed=0, **settings):
        return lineup_points(codes, plane_projection(codes), RNG(seed), **settings)

    def test_panels_are_alike_and_one_is_the_codes(self):
        codes = (RNG(0).standard_normal((3000, 6)) * [4, 3, 1, 1, 1, 1]).astype(np.float32)
        made = self.lineup(codes)
        numbers, counts = np.unique(made["panel"], return_counts=True)
        assert numbers.tolist() == list(range(1, 21))
        assert set(counts) == {300}
        answer = np.unique(made["panel"][made["codes"]])
        assert len(answer) == 1
        for number in numbers:
            rows = made["panel"] == number
            size = max(np.abs(made["x"][rows]).max(), np.abs(made["y"][rows]).max())
            assert size == pytest.approx(1, abs=1e-6)
        columns = project(codes, plane_projection(codes))
        place = densest_place(columns["pc1"], columns["pc2"])
        away = np.column_stack([columns["pc1"] - place[0], columns["pc2"] - place[1]])
        half_width = np.sort(np.abs(away).max(axis=1))[299]
        shown = np.column_stack([made["x"], made["y"]])[made["codes"]] * half_width
        assert cKDTree(away).query(shown)[0].max() < 1e-5
        others = np.column_stack([made["x"], made["y"]])[~made["codes"]] * half_width
        assert np.mean(cKDTree(away).query(others)[0] < 1e-5) < 0.01

    def test_no_figure_tells_gaussian_codes_apart(self):
        # The spacing of the codes' panel is the smallest or the largest of 20 in 1 of 10 lineups: 12 ± 3.3 of 120, and
        # every panel is the codes' in 6 of them: chi-square, once in 1,000.
        extreme, answers = 0, []
        for seed in range(120):
            codes = RNG([7, seed]).standard_normal((500, 2)).astype(np.float32)
            made = self.lineup(codes, seed, most=100)
            points = np.column_stack([made["x"], made["y"]]).reshape(20, -1, 2)
            spacing = np.array([cKDTree(panel).query(panel, 2)[0][:, 1].mean() for panel in points])
            answers.append(int(made["panel"][made["codes"]][0]))
            extreme += np.argsort(np.argsort(spacing))[answers[-1] - 1] in (0, 19)
        assert abs(extreme - 12) <= 4 * 3.3
        assert chisquare(np.bincount(answers, minlength=21)[1:]).pvalue > 0.001

    def test_fewer_points_and_panels(self):
        codes = RNG(0).standard_normal((40, 3)).astype(np.float32)
        made = self.lineup(codes, panels=4, most=25)
        assert np.bincount(made["panel"]).tolist() == [0, 25, 25, 25, 25]

    def test_line_and_single_place(self):
        line = np.outer(RNG(0).standard_normal(100), [1.0, 2.0]).astype(np.float32)
        assert len(self.lineup(line)["x"]) == 2000
        assert self.lineup(np.ones((100, 2), np.float32)) is None
        assert self.lineup(line[:29]) is None

    def test_bounds(self):
        codes = RNG(0).standard_normal((40, 3)).astype(np.float32)
        with pytest.raises(ParameterError, match="panels must be 2 to 100, got 1"):
            self.lineup(codes, panels=1)
        with pytest.raises(ParameterError, match="most must be at least 1, got 0"):
            self.lineup(codes, most=0)
