"""Distances to the nearest code: closed forms, brute force, and invariance."""

import json

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import gammaln

from zscope.errors import CodesError
from zscope.measures.base import LatentCodes
from zscope.measures.voids import VoidMeasure, hollow, mean_log_ratio, radius_spread, spaces, void_share

RNG = np.random.default_rng


def gaussian(n, d, seed=0):
    rng = RNG(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)).astype(np.float32)


def expected_share(density, pilots=19):
    """Product of k / (k + density) for k = 1 … pilots, by the gamma function."""
    return np.exp(gammaln(pilots + 1) + gammaln(1 + density) - gammaln(pilots + 1 + density))


class TestShare:
    def test_closed_form_at_known_densities(self):
        assert expected_share(0) == pytest.approx(1)
        assert expected_share(1) == pytest.approx(1 / 20)
        assert expected_share(2) == pytest.approx(2 / (20 * 21))
        assert expected_share(0.5) == pytest.approx(0.200, abs=0.001)

    @pytest.mark.parametrize("n", [500, 4000])
    @pytest.mark.parametrize("density", [0.0, 0.25, 0.5, 1.0, 2.0])
    def test_share_is_that_of_the_density_and_not_of_the_number_of_points(self, density, n):
        # Uniform points in a square, the cloud with `density` times as many; places well inside. The mean of 6 repeats,
        # with an error of at most 0.01 (of 800 places at 500 points some 300 are independent).
        rng = RNG([1, n])
        shares = []
        for _ in range(6):
            places = rng.uniform(0.2, 0.8, (800, 2))
            pilots = np.stack([cKDTree(rng.uniform(size=(n, 2))).query(places)[0] for _ in range(19)])
            cloud = rng.uniform(size=(int(density * n), 2)) if density else np.full((1, 2), 50.0)
            shares.append(void_share(cKDTree(cloud).query(places)[0], pilots))
        assert np.mean(shares) == pytest.approx(expected_share(density), abs=0.03)

    def test_whatever_the_cloud_is_the_share_is_not_below_that_of_chance(self):
        # Half the places where the cloud is half as dense, half where it is 1.5 times as dense: by Jensen above 1/20.
        rng = RNG(2)
        places = rng.uniform(0.05, 0.95, (4000, 2))
        pilots = np.stack([cKDTree(rng.uniform(size=(4000, 2))).query(places)[0] for _ in range(19)])
        left, right = rng.uniform(size=(1000, 2)) * [0.5, 1], rng.uniform(size=(3000, 2)) * [0.5, 1] + [0.5, 0]
        share = void_share(cKDTree(np.concatenate([left, right])).query(places)[0], pilots)
        assert share == pytest.approx((expected_share(0.5) + expected_share(1.5)) / 2, abs=0.02)
        assert share > 0.08

    def test_ties_are_no_voids(self):
        assert void_share(np.zeros(5), np.zeros((19, 5))) == 0


class TestRatio:
    def test_twice_the_distance(self):
        pilots = RNG(0).uniform(1, 2, (19, 50))
        assert mean_log_ratio(2 * np.median(pilots, axis=0), pilots, 1.0) == pytest.approx(np.log(2))

    def test_coinciding_points_have_a_finite_ratio(self):
        assert mean_log_ratio(np.zeros(5), np.zeros((19, 5)), 1.0) == 0
        assert mean_log_ratio(np.ones(5), np.zeros((19, 5)), 10.0) == pytest.approx(np.log(1e5))


class TestSpaces:
    @pytest.mark.parametrize(
        ("d", "names"),
        [
            (1, ["1d"]),
            (2, ["2d"]),
            (3, ["2d", "3d"]),
            (4, ["2d", "3d", "4d"]),
            (5, ["2d", "3d", "5d"]),
            (6, ["2d", "3d", "5d", "all"]),
            (40, ["2d", "3d", "5d", "all"]),
        ],
    )
    def test_which_there_are(self, d, names):
        codes = gaussian(200, d)
        found = spaces(codes)
        assert [space.name for space in found] == names
        for space in found:
            made = space.project(codes)
            if space.name == "all":
                assert made is codes
            else:
                assert np.allclose(np.cov(made.T), np.eye(int(space.name[:-1])), atol=1e-4)

    def test_components_are_those_of_most_variance(self):
        codes = RNG(0).standard_normal((500, 7)).astype(np.float32) * np.float32([1, 9, 1, 5, 1, 1, 1])
        leading = np.abs(spaces(codes)[0].directions)
        assert leading[:, 0].argmax() == 1
        assert leading[:, 1].argmax() == 3

    def test_codes_on_a_line_and_in_one_place(self):
        line = np.outer(RNG(0).standard_normal(100), [1.0, 2.0, -1.0]).astype(np.float32)
        assert [space.name for space in spaces(line)] == ["1d"]
        assert spaces(np.ones((20, 3), np.float32)) == ()

    def test_stretching_and_turning_changes_no_distance_where_all_components_are_taken(self):
        codes, places = gaussian(400, 5, 1), gaussian(50, 5, 2)
        turn = np.linalg.qr(RNG(3).standard_normal((5, 5)))[0] * [100, 1, 1, 0.1, 3] + 0
        distances = []
        for change in (np.eye(5), turn):
            moved, there = ((table @ change).astype(np.float32) for table in (codes, places))
            space = spaces(moved)[-1]
            sample = LatentCodes.of(moved).sample
            distances.append(space.nearest(sample, space.project(there)))
        assert np.allclose(*distances, rtol=2e-3)

    def test_nearest_is_brute_force(self):
        codes, places = gaussian(300, 8, 1), gaussian(40, 8, 2)
        sample = LatentCodes.of(codes).sample
        for space in spaces(codes):
            known = cdist(space.project(places).astype(float), space.project(codes).astype(float)).min(axis=1)
            assert np.allclose(space.nearest(sample, space.project(places)), known, rtol=1e-4)

    def test_far_from_the_origin(self):
        # In float32 numbers near 100 are 8e-6 apart, so that distances of about 1e-4 are right to a few per cent.
        codes = 1e-3 * RNG(0).standard_normal((300, 3))
        near, far = ((shift + codes).astype(np.float32) for shift in (0, 100))
        medians = [np.median(cdist(*[spaces(table)[-1].project(table)] * 2)) for table in (near, far)]
        assert medians[0] == pytest.approx(medians[1], rel=0.01)


class TestRadiusSpread:
    @pytest.mark.parametrize(("n", "d"), [(60, 2), (100, 40), (1000, 10)])
    def test_gaussian_clouds_are_at_one(self, n, d):
        # Mean over 60 clouds within 4 standard errors, and 0.02 for what quartiles of small samples are off.
        found = np.array([radius_spread(gaussian(n, d, seed)) for seed in range(60)])
        assert found.mean() == pytest.approx(1, abs=4 * found.std() / np.sqrt(60) + 0.02)

    def test_tails_and_shells(self):
        rng = RNG(0)
        points = rng.standard_normal((2000, 6))
        tails = points * np.sqrt(4 / rng.chisquare(4, (2000, 1)))
        shell = points / np.linalg.norm(points, axis=1, keepdims=True) * (1 + 0.05 * rng.standard_normal((2000, 1)))
        assert radius_spread(tails.astype(np.float32)) > 1.3
        assert radius_spread(shell.astype(np.float32)) < 0.2
        shell[:5] *= 3
        assert radius_spread(shell.astype(np.float32)) < 0.2

    def test_too_few_codes_or_one_place(self):
        assert radius_spread(gaussian(8, 7)) is None
        assert radius_spread(np.ones((20, 3), np.float32)) is None


class TestMeasure:
    def test_distances_are_those_of_all_pairs(self):
        codes = gaussian(250, 7)
        values = VoidMeasure().measure(LatentCodes.of(codes, max_queries=250), RNG(0)).values
        json.dumps(values, allow_nan=False)
        apart = cdist(codes.astype(float), codes.astype(float))
        np.fill_diagonal(apart, np.inf)
        nearest = apart.min(axis=1)
        assert values["nearest"]["all"] == pytest.approx(
            {"median": np.median(nearest), "far": np.quantile(nearest, 0.99), "largest": nearest.max()}, rel=1e-4
        )
        assert list(values["nearest"]) == ["2d", "3d", "5d", "all"]
        assert values["radius_spread"] == radius_spread(LatentCodes.of(codes).sample.points)
        assert {key: values[key] for key in ("n", "of", "queries", "duplicates")} == {
            "n": 250, "of": 250, "queries": 250, "duplicates": 0,
        }  # fmt: skip

    def test_repetitions_are_one_code(self):
        values = VoidMeasure().measure(LatentCodes.of(np.repeat(gaussian(60, 3), 2, axis=0)), RNG(0)).values
        assert (values["n"], values["duplicates"]) == (60, 60)
        assert values["nearest"]["3d"]["median"] > 0

    def test_one_place_has_no_neighbours(self):
        with pytest.raises(CodesError, match="all codes are the same point"):
            VoidMeasure().measure(LatentCodes.of(np.ones((30, 3))), RNG(0))


class TestHollow:
    def ball(self, n, d, seed):
        points = RNG(seed).standard_normal((n, d))
        return points / np.linalg.norm(points, axis=1, keepdims=True) * RNG([seed, 1]).uniform(size=(n, 1)) ** (1 / d)

    @pytest.mark.parametrize(("n", "d"), [(200, 2), (200, 8), (1000, 32), (3000, 64)])
    def test_solid_clouds_are_not(self, n, d):
        for seed in range(20):
            assert not hollow(self.ball(n, d, seed).astype(np.float32)), seed
            assert not hollow(RNG(seed).standard_normal((n, d)).astype(np.float32)), seed

    @pytest.mark.parametrize(("n", "d", "thickness"), [(500, 2, 0.05), (2000, 3, 0.1), (10_000, 5, 0.05)])
    def test_shells_are(self, n, d, thickness):
        for seed in range(5):
            points = RNG(seed).standard_normal((n, d))
            shell = points / np.linalg.norm(points, axis=1, keepdims=True)
            shell *= 1 + thickness * RNG([seed, 2]).standard_normal((n, 1))
            assert hollow((shell * np.arange(1, d + 1)).astype(np.float32)), seed

    def test_too_few_points_cannot_tell(self):
        assert not hollow(RNG(0).standard_normal((4, 5)).astype(np.float32))
