"""Valleys between the cells of k-means, the groups that they separate, and how many and how stable these are."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from zscope.errors import CodesError
from zscope.measures.base import LatentCodes
from zscope.measures.clusters import LEAST_POINTS, ClustersMeasure, dips, group_shares, stability
from zscope.measures.dip import dip
from zscope.measures.valleys import HALF, Halves, Valleys, halves, partitions, separation, valleys

RNG = np.random.default_rng


def groups(count, d, apart, n, rng):
    """Unit Gaussians at the corners of a regular simplex, all `apart` from each other."""
    corners = np.eye(count, d) * apart / np.sqrt(2)
    return (corners[rng.integers(count, size=n)] + rng.standard_normal((n, d))).astype(np.float32)


def ring(n, rng):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.standard_normal((n, 2))


def turned(points, rng):
    d = points.shape[1]
    return points @ np.linalg.qr(rng.standard_normal((d, d)))[0]


def gaussian_mass(low, high, apart):
    """Mass of two unit Gaussians, `apart` from each other, between two places on the line from one to the other."""
    return np.mean([norm.cdf(high, centre) - norm.cdf(low, centre) for centre in (0, apart)])


class TestHalves:
    def test_no_code_in_both_and_components_of_the_first_only(self):
        points = (RNG(0).standard_normal((1001, 3)) * [1, 9, 3] + 50).astype(np.float32)
        split = halves(points)
        assert split.fitted.shape == split.judged.shape == (500, 3)
        other = halves(np.concatenate([points[:500], points[500:] * 2]))
        assert np.array_equal(split.fitted, other.fitted)
        assert not np.array_equal(split.judged, other.judged)
        assert split.fitted.mean(axis=0) == pytest.approx(0, abs=1e-4)
        assert split.fitted.std(axis=0) == pytest.approx([9, 3, 1], rel=0.1)

    def test_bounded_in_points_and_components(self):
        split = halves(RNG(0).standard_normal((2 * HALF + 500, 70)).astype(np.float32))
        assert split.fitted.shape == split.judged.shape == (HALF, 64)


class TestValleys:
    @pytest.mark.parametrize("apart", [2, 3, 4, 6])
    def test_two_gaussians_in_closed_form(self, apart):
        points = RNG(0).standard_normal((200_000, 1)) + apart * RNG(1).integers(2, size=(200_000, 1))
        found = valleys(points.astype(np.float32), np.array([[0], [apart]], np.float32))
        middle = gaussian_mass(0.35 * apart, 0.65 * apart, apart) / 0.3
        end = gaussian_mass(-0.25 * apart, 0.25 * apart, apart) / 0.5
        assert found.pairs.tolist() == [[0, 1]]
        assert found.middles[0] == pytest.approx(200_000 * middle, rel=0.02)
        assert found.ends[0] == pytest.approx(200_000 * end, rel=0.02)
        # 4 sd apart it is a valley, 2 sd apart there is one peak only.
        assert {2: 1.1, 3: 0.7, 4: 0.35, 6: 0.05}[apart] == pytest.approx(found.ratios[0], abs=0.06)

    @pytest.mark.parametrize(
        "cloud",
        [
            lambda rng: rng.standard_normal((40_000, 20)) * np.arange(1, 21),
            lambda rng: turned(rng.gamma(1, size=(40_000, 6)), rng),
            lambda rng: turned(rng.uniform(size=(40_000, 4)), rng),
        ],
        ids=["stretched Gaussian", "turned exponential axes", "turned box"],
    )
    @pytest.mark.parametrize("k", [3, 9, 25])
    def test_log_concave_clouds_have_none(self, cloud, k):
        points = cloud(RNG(k)).astype(np.float32)
        points -= points.mean(axis=0)
        found = valleys(points, points[RNG(1).choice(len(points), k, replace=False)])
        # In expectation 1 or more; the least of some hundred counted ratios is a few standard errors lower.
        slack = 4 * np.sqrt(1 / np.maximum(found.middles, 1) + 1 / np.maximum(found.ends, 1))
        assert np.all(found.ratios >= 1 - slack)

    def test_links_and_shares(self):
        pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
        many = np.full(4, 1e6)
        found = Valleys(pairs, many * [1, 0.5, 0.7, 0.5], many, np.array([10, 20, 30, 25, 15]))
        assert found.ratios == pytest.approx([1, 0.5, 0.7, 0.5])
        assert found.groups(0.6).tolist() == [0, 0, 1, 1, 2]
        assert found.shares(0.6) == pytest.approx([0.55, 0.3, 0.15])
        assert found.groups(0.5).tolist() == [0] * 5

    def test_a_valley_of_few_points_is_none(self):
        pairs, sizes = np.array([[0, 1]]), np.array([1, 1])
        # 20 points at the lower end, 4 where 12 would lie: less by 1.5 standard errors than three quarters of them.
        few = Valleys(pairs, np.array([4 / 0.3]), np.array([20 / 0.5]), sizes)
        assert few.ratios[0] < 0.6
        assert few.groups(0.6).tolist() == [0, 0]
        assert Valleys(pairs, few.middles * 9, few.ends * 9, sizes).groups(0.6).tolist() == [0, 1]
        # Three such valleys about one cell are evidence enough together; the other cells are linked anyhow.
        star = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]])
        around = Valleys(
            star, np.array([*[5.0 / 0.3] * 3, 90, 90]), np.array([*[36 / 0.5] * 3, 90, 90]), np.ones(4, int)
        )
        assert around.groups(0.6).tolist() == [0, 1, 1, 1]

    def test_ends_without_points_say_nothing(self):
        found = Valleys(np.array([[0, 1]]), np.array([0.0]), np.array([2.0]), np.array([3, 3]))
        assert found.ratios[0] == np.inf
        assert found.groups(0.6).tolist() == [0, 0]


class TestSeparation:
    def test_cells_are_fitted_to_one_half_only(self):
        split = halves(groups(3, 4, 8, 800, RNG(0)))
        first, _ = next(partitions(split))
        again, _ = next(partitions(Halves(split.fitted, split.judged[::-1] * 2)))
        assert np.array_equal(first, again)

    def test_fewer_cells_at_every_step(self):
        cells = separation(halves(RNG(0).standard_normal((3000, 5)).astype(np.float32))).cells
        assert cells[0] == 64
        assert cells[-1] == 2
        assert np.all(np.diff(cells) < 0)

    @pytest.mark.parametrize(("count", "d", "apart"), [(5, 64, 4), (2, 2, 4), (3, 3, 4)])
    def test_planted_groups(self, count, d, apart):
        # The share outside the largest of equal groups is 1 − 1 / count.
        found = separation(halves(groups(count, d, apart, 10_000, RNG(2))))
        assert found.share == pytest.approx(1 - 1 / count, abs=0.03)

    def test_two_groups_on_one_axis(self):
        points = RNG(0).standard_normal((4000, 1)) + 4 * RNG(1).integers(2, size=(4000, 1))
        assert separation(halves(points.astype(np.float32))).share == pytest.approx(0.5, abs=0.03)

    def test_unequal_groups(self):
        points = RNG(0).standard_normal((6000, 8))
        points[RNG(1).uniform(size=6000) < 0.3] += 2
        found = separation(halves(points.astype(np.float32)))  # sqrt(8) · 2 = 5.7 sd apart
        assert found.share == pytest.approx(0.3, abs=0.03)

    @pytest.mark.parametrize(
        "cloud",
        [
            lambda rng: rng.standard_normal((10_000, 1)),
            lambda rng: rng.standard_normal((10_000, 64)) * [10, *[1] * 63],
            lambda rng: turned(rng.gamma(3, size=(10_000, 64)), rng),
            lambda rng: rng.standard_normal((10_000, 16)) / np.sqrt(rng.chisquare(5, (10_000, 1)) / 5),
            lambda rng: ring(10_000, rng),
        ],
        ids=["one axis", "one axis ten times as wide", "turned gamma axes", "t5 tails", "ring"],
    )
    def test_nothing_where_there_is_one_piece(self, cloud):
        # Of 30 clouds of each kind none had more than 0.01.
        assert separation(halves(cloud(RNG(0)).astype(np.float32))).share < 0.02

    def test_inertia_is_that_of_the_judged_half(self):
        split = halves(RNG(0).standard_normal((4000, 30)).astype(np.float32))
        centres, _ = next(partitions(split))
        distances = np.square(split.judged[:, None] - centres[None]).sum(axis=2).min(axis=1)
        assert separation(split).inertia == pytest.approx(distances.mean(), rel=1e-4)


class TestMeasure:
    @pytest.mark.parametrize(("count", "apart", "off"), [(5, 4, 0), (40, 5, 2)])
    def test_counts_planted_groups(self, count, apart, off):
        shares = group_shares(halves(groups(count, 64, apart, 10_000, RNG(count))))
        assert abs(len(shares) - count) <= off
        assert shares.sum() == pytest.approx(1, abs=0.01)
        assert np.all(np.diff(shares) <= 0)

    def test_values(self):
        codes = LatentCodes.of(groups(3, 4, 7, 2000, RNG(0)))
        values = ClustersMeasure().measure(codes, RNG(1)).values
        json.dumps(values, allow_nan=False)
        assert values["count"] == 3
        assert values["share"] == pytest.approx(2 / 3, abs=0.04)
        assert max(values["shares"]) == values["share"]
        assert len(values["cells"]) == len(values["shares"])
        assert values["stability"]["k"] == 3
        assert values["stability"]["codes"] > 0.97 > 0.8 > values["stability"]["null"]
        assert (values["fitted"], values["judged"], values["components"]) == (1000, 1000, 4)
        split = halves(codes.sample.points)
        assert values["dip"] == dips(split) == [dip(column) for column in split.judged.T]

    def test_stability_of_one_and_of_many(self):
        apart = halves(groups(4, 6, 12, 1000, RNG(0)))
        assert stability(apart, 4, RNG(1)) == pytest.approx(1)
        # In a round cloud nothing says where eight centres lie.
        assert stability(halves(RNG(0).standard_normal((1000, 6)).astype(np.float32)), 8, RNG(1)) < 0.6

    @pytest.mark.parametrize(
        "codes",
        [
            RNG(0).standard_normal((150, 1)),
            RNG(0).standard_normal((300, 400)),
            RNG(0).integers(0, 30, (400, 2)),
            np.column_stack([RNG(0).standard_normal((200, 2)), np.ones(200)]),
            np.concatenate([RNG(0).standard_normal((400, 3)), [[1e6, 0, 0]]]),
            100 + 1e-2 * RNG(0).standard_normal((200, 2)),
        ],
        ids=["one axis", "more axes than codes", "whole numbers", "a constant axis", "a far point", "far from 0"],
    )
    def test_odd_codes(self, codes):
        values = ClustersMeasure().measure(LatentCodes.of(codes), RNG(1)).values
        json.dumps(values, allow_nan=False)
        assert 0 <= values["share"] < 0.6
        assert values["count"] >= 1

    def test_too_few(self):
        codes = LatentCodes.of(np.repeat(RNG(0).standard_normal((LEAST_POINTS - 1, 2)), 3, axis=0))
        assert ClustersMeasure().applies(codes) == "99 distinct codes are too few for clusters, it takes 100"
        with pytest.raises(CodesError, match="too few for clusters"):
            ClustersMeasure().measure(codes, RNG(0))
