"""Inertia curves and t-SNE maps."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from zscope.errors import CodesError, ParameterError
from zscope.measures.base import LatentCodes
from zscope.measures.inertia import InertiaMeasure, inertia_per_point
from zscope.measures.tsne import SETTINGS, MapSetting, TsneMeasure, tsne_map

RNG = np.random.default_rng


def four_groups(n=200, d=6):
    centres = 30 * np.eye(4, d)
    members = np.arange(n) % 4
    return (centres[members] + RNG(0).standard_normal((n, d))).astype(np.float32), members


class TestInertia:
    def test_planted_groups(self):
        codes, _ = four_groups(2000)
        values = InertiaMeasure(most=8).measure(LatentCodes.of(codes + 1000), RNG(0)).values
        assert values["k"] == [2, 4, 6, 8]
        assert values["n"] == 2000
        # With the four centres found, what is left is the variance 1 in 6 dimensions.
        assert values["inertia"][1] == pytest.approx(6, rel=0.03)
        # With two, half the groups share a centre with their like: 3 groups about their mean are 30² · 2/3 away.
        assert values["inertia"][0] > 300
        assert values["inertia"][3] < 6

    def test_curve_is_the_mean_squared_distance(self):
        codes = RNG(0).standard_normal((500, 3)).astype(np.float32)
        assert inertia_per_point(codes, 1, 1024, 0) == pytest.approx(codes.var(0).sum(), rel=1e-3)

    def test_default_numbers_of_centres(self):
        codes = LatentCodes.of(RNG(0).standard_normal((90, 2)))
        assert InertiaMeasure().measure(codes, RNG(0)).values["k"] == list(range(2, 81, 2))

    def test_bounded_by_the_codes_and_tells_progress(self):
        told = []
        codes = LatentCodes.of(RNG(0).standard_normal((7, 2)))
        values = InertiaMeasure().measure(
            codes, RNG(0), lambda what, done, total, **figures: told.append((done, total))
        )
        assert values.values["k"] == [2, 4, 6]
        assert told == [(1, 3), (2, 3), (3, 3)]

    def test_equal_codes(self):
        assert InertiaMeasure().measure(LatentCodes.of(np.ones((9, 2))), RNG(0)).values["inertia"] == [0, 0, 0, 0]


class TestTsne:
    def test_settings(self):
        assert [(s.name, s.exaggeration, s.perplexity, s.iterations, s.components) for s in SETTINGS] == [
            ("standard", 12, 30, 1000, None),
            ("seeds", 16, 10, 1000, None),
            ("pc2", 12, 30, 1000, 2),
            ("pc4", 12, 30, 1000, 4),
            ("pc10", 12, 30, 1000, 10),
        ]

    def test_map_keeps_the_groups(self):
        codes, members = four_groups()
        made = tsne_map(codes, MapSetting("standard", iterations=500), 0)
        assert made.coordinates.shape == (200, 2)
        # Random coordinates have a trustworthiness near 0.5.
        assert trustworthiness(codes, made.coordinates, n_neighbors=10) > 0.9
        distances = np.linalg.norm(made.coordinates[:, None] - made.coordinates[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        assert np.mean(members[distances.argmin(1)] == members) == 1

    def test_columns_and_points_left_out(self):
        codes = LatentCodes.of(RNG(0).standard_normal((150, 6)))
        settings = tuple(
            MapSetting(s.name, s.exaggeration, s.perplexity, iterations=250, components=s.components) for s in SETTINGS
        )
        found = TsneMeasure(max_points=100, settings=settings).measure(codes, RNG(0))
        # Ten components of six dimensions would repeat the map of all.
        assert list(found.points) == [
            f"tsne.{name}.{xy}" for name in ("standard", "seeds", "pc2", "pc4") for xy in "xy"
        ]
        used = ~np.isnan(found.points["tsne.standard.x"])
        assert used.sum() == found.values["n"] == 100
        assert found.values["of"] == 150
        assert all(np.array_equal(~np.isnan(column), used) for column in found.points.values())
        assert [made["components"] for made in found.values["maps"]] == [None, None, 2, 4]

    def test_two_dimensions_need_no_map_of_components(self):
        settings = tuple(MapSetting(s.name, iterations=250, components=s.components) for s in SETTINGS)
        found = TsneMeasure(settings=settings).measure(LatentCodes.of(RNG(0).standard_normal((40, 2))), RNG(0))
        assert [made["name"] for made in found.values["maps"]] == ["standard", "seeds"]
        assert found.values["maps"][0]["perplexity"] == 13
        assert found.values["maps"][0]["perplexity_asked"] == 30

    def test_same_seed_same_map(self):
        codes, _ = four_groups(60)
        setting = MapSetting("standard", iterations=250)
        first, second = (tsne_map(codes, setting, 5).coordinates for _ in range(2))
        assert np.array_equal(first, second)

    @pytest.mark.parametrize("n", [300, 1200])
    def test_both_engines(self, n):
        codes, _ = four_groups(n)
        made = tsne_map(codes, MapSetting("standard", iterations=250), 0)
        assert made.engine in ("scikit-learn", "scikit-learn-intelex")
        assert made.engine == "scikit-learn" or n >= 1000
        assert trustworthiness(codes, made.coordinates, n_neighbors=10) > 0.85

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
        ],
    )
    def test_settings_out_of_bounds(self, setting, says):
        with pytest.raises(ParameterError, match=says):
            tsne_map(four_groups(20)[0], setting, 0)
