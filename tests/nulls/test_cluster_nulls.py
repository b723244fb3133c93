"""Clusters and the inertia curve against null clouds."""

import numpy as np
import pytest

from zscope.clouds import CopulaCloud, EllipticalCloud
from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.clusters import ClustersMeasure
from zscope.measures.sample import Sample
from zscope.measures.valleys import halves, separation
from zscope.nulls.battery import run_batteries
from zscope.nulls.claims import SHARE_MARGIN
from zscope.nulls.clusters import ClustersBattery, InertiaBattery
from zscope.nulls.outcome import Outcome, Statistic

RNG = np.random.default_rng
SHARE = Statistic("separated_share")


def sample_of(points, queries=300):
    return Sample.of_codes(np.asarray(points, dtype=np.float32), RNG(0), max_points=20_000, max_queries=queries)


def groups(count, d, apart, n, rng):
    corners = np.eye(count, d) * apart / np.sqrt(2)
    return corners[rng.integers(count, size=n)] + rng.standard_normal((n, d))


def t5(n, d, rng):
    return rng.standard_normal((n, d)) * np.sqrt(5 / rng.chisquare(5, (n, 1)))


class TestClusters:
    def test_planted_groups_are_found_and_counted(self):
        turned = groups(3, 12, 7, 300, RNG(0)) @ np.linalg.qr(RNG(4).standard_normal((12, 12)))[0]
        codes = LatentCodes.of(turned, max_queries=50)
        battery = ClustersBattery()
        outcomes = run_batteries(codes.sample, [battery], 99, RNG(1))["clusters"]
        assert [outcome.null for outcome in outcomes] == ["covariance", "elliptical", "copula"]
        verdict = battery.verdict(ClustersMeasure().measure(codes, RNG(2)), outcomes)
        assert (verdict.claim, verdict.holds, verdict.strength) == ("clusters", True, "clear")
        assert verdict.says.startswith("The codes fall into clusters. Valleys separate ")
        assert "they make about 3 groups, of " in verdict.says
        assert "p = 0.01, 300 codes" in verdict.says
        assert verdict.advice.startswith("Draw from a mixture of 3 Gaussians or more")

    def test_false_finds(self):
        """No cloud without groups, of 60, comes near the margin, before its p-value is even looked at.

        Demanded are 2 % at most; with that rate 60 clouds would show one with probability 0.7.
        """
        shares = []
        for seed in range(15):
            rng = RNG(seed)
            n, d = (200, 500, 1500)[seed % 3], (1, 2, 5, 20)[seed % 4]
            skewed = rng.gamma(3, size=(n, d)) @ np.linalg.qr(rng.standard_normal((d, d)))[0]
            clouds = [rng.standard_normal((n, d)) * rng.uniform(0.2, 3, d), t5(n, d, rng), skewed]
            clouds.append(CopulaCloud().fit(rng.uniform(size=(n, d)) ** 3).draw_matched(n, rng))
            shares += [separation(halves(cloud.astype(np.float32))).share for cloud in clouds]
        assert max(shares) < SHARE_MARGIN

    def test_a_ring_is_no_cluster_and_its_elliptical_null_is_a_ring(self):
        angle = RNG(0).uniform(0, 2 * np.pi, 4000)
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * RNG(1).standard_normal((4000, 2))
        null = EllipticalCloud().fit(ring).draw_matched(4000, RNG(2))
        for points in (ring, null):
            assert np.linalg.norm(points, axis=1).std() < 0.12
            assert separation(halves(points.astype(np.float32))).share < 0.02

    def test_hopkins_is_one_half_for_the_null_and_more_for_groups(self):
        values = {}
        for name, points in (("null", t5(2000, 4, RNG(0))), ("groups", groups(4, 4, 12, 2000, RNG(0)))):
            sample = sample_of(points, 1000)
            null = EllipticalCloud().fit(sample.points).draw_matched(2000, RNG(1))
            figures = ClustersBattery().statistics(sample, null[:1000], RNG(2))
            values[name] = {one.name: value for one, value in figures.items()}["hopkins"]
        # Mean distances of 1,000 heavy-tailed points each are known to about 3 %.
        assert values["null"] == pytest.approx(0.5, abs=0.02)
        assert values["groups"] > 0.6

    def test_evidence(self):
        battery = ClustersBattery()
        one, two = RNG(0).standard_normal((1000, 2)), RNG(0).standard_normal((1000, 2))
        two[:500, 0] += 6
        two *= one.std(axis=0) / two.std(axis=0)
        figures = [
            {key.name: value for key, value in battery.statistics(sample_of(cloud), one[:9], RNG(1)).items()}
            for cloud in (one, two)
        ]
        assert figures[1]["held_out_inertia"] < figures[0]["held_out_inertia"]
        assert figures[1]["dip"] > 0.05 > 0.03 > figures[0]["dip"]

    def test_nulls(self):
        def nulls(points):
            return ClustersBattery().nulls(sample_of(points))

        points = RNG(0).standard_normal((200, 3))
        assert nulls(points) == nulls(points[:, :2] * [1e-3, 1e3]) == ("covariance", "elliptical", "copula")
        two_peaks = np.concatenate([points, points + np.array([6, 0, 0])])
        assert nulls(two_peaks) == ("covariance", "elliptical")
        assert nulls(points[:, :1]) == nulls(points[:, :1] * [[1, -2, 5]]) == ("covariance",)

    def test_untestable(self):
        few = sample_of(RNG(0).standard_normal((99, 2)))
        assert ClustersBattery().untestable(few) == "99 distinct codes are too few for clusters, it takes 100"
        assert ClustersBattery().untestable(sample_of(RNG(0).standard_normal((100, 2)))) is None

    @pytest.mark.parametrize(
        ("share", "null", "draws", "holds", "strength", "says"),
        [
            (0.8, 0.0, 99, True, "clear", "they make about 2 groups, of 30.0 % to 70.0 % of the codes."),
            (0.25, 0.0, 99, True, "narrow", "The codes fall into clusters. Valleys separate 25.0 %"),
            (0.15, 0.01, 99, False, "narrow", "less than 20 % of the codes beyond chance, too small to matter."),
            (
                0.02,
                0.02,
                99,
                False,
                "not seen",
                "No clusters are seen. Valleys separate 2.0 % of the codes from the",
            ),
            (0.8, 0.0, 9, None, "undecided", "undecided, 9 null draws can never reach p = 0.01."),
        ],
    )
    def test_words(self, share, null, draws, holds, strength, says):
        figures = null + 0.005 * RNG(0).uniform(-1, 1, (draws, 1))
        outcomes = [Outcome("covariance", (SHARE,), np.array([share]), figures, 900, 3000)]
        verdict = ClustersBattery().verdict(Measurement("clusters", {"groups": [0.7, 0.3]}), outcomes)
        assert (verdict.holds, verdict.strength) == (holds, strength)
        assert says in verdict.says
        assert "900 of 3,000 codes" in verdict.says
        assert (verdict.advice is None) == (holds is not True)


class TestInertia:
    def found(self, points, draws):
        (outcome,) = run_batteries(sample_of(points), [InertiaBattery()], draws, RNG(1))["inertia"]
        assert InertiaBattery().verdict(Measurement("inertia", {}), [outcome]) is None
        assert outcome.null == "covariance"
        return {int(test.statistic.removeprefix("log_inertia_")): test for test in outcome.tests()}

    def test_groups_have_a_gap_at_their_number(self):
        tests = self.found(groups(4, 6, 12, 600, RNG(0)), 20)
        assert max(tests, key=lambda k: -tests[k].effect) == 4
        # Four unit groups in six dimensions, with their centres found.
        assert np.exp(tests[4].value) == pytest.approx(6, rel=0.1)
        assert tests[4].p == pytest.approx(1 / 21)

    def test_a_gaussian_has_none(self):
        tests = self.found(RNG(0).standard_normal((600, 6)) * np.arange(1, 7), 20)
        # Twenty draws leave the smallest of these corrected p-values below 0.1 with probability 0.1.
        assert min(test.p for test in tests.values()) > 0.1
        assert all(abs(test.effect) < 0.05 for test in tests.values())

    def test_twenty_draws_and_five_codes_a_centre(self):
        tests = self.found(RNG(0).standard_normal((203, 2)), 30)
        assert list(tests) == [2, 4, 8, 14, 20, 30, 40]
        assert {(test.draws, test.n, test.of) for test in tests.values()} == {(20, 203, 203)}

    def test_few_distinct_places(self):
        tests = self.found(np.array([[x, y] for x in range(8) for y in range(8)], dtype=float), 2)
        assert list(tests) == [2, 4, 8]
