"""Voids against nulls: which nulls apply, level, power, and the verdict in words."""

import numpy as np
import pytest
from scipy.stats import chi2, gamma, norm

from zscope.measures.base import LatentCodes, Measurement
from zscope.nulls import CLAIMS, run_batteries
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.voids import VoidBattery

RNG = np.random.default_rng
MARGIN = CLAIMS["voids"].margin
NOTHING = Measurement("voids", {})


def sample_of(points):
    return LatentCodes.of(points).sample


def shell(n, d, thickness, rng):
    points = rng.standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * (1 + thickness * rng.standard_normal((n, 1)))


def student(n, d, degrees, rng):
    return rng.standard_normal((n, d)) * np.sqrt(degrees / rng.chisquare(degrees, (n, 1)))


def with_a_hole(n, d, mass, rng):
    """A Gaussian, three times as wide along two of its axes, without its innermost share of `mass` in that plane."""
    plane = rng.standard_normal((4 * n, 2))
    plane = plane[np.square(plane).sum(axis=1) > chi2.ppf(mass, 2)][:n]
    return np.column_stack([3 * plane, rng.standard_normal((n, d - 2))])


class AgainstCovariance(VoidBattery):
    def nulls(self, sample):
        return ("covariance",)


def outcomes_of(points, draws, seed=0, battery=VoidBattery(), queries=400):  # noqa: B008 - it is frozen
    codes = LatentCodes.of(points, max_queries=queries)
    return run_batteries(codes.sample, [battery], draws, RNG(seed))["voids"]


class TestNulls:
    def test_a_shell_is_not_held_against_the_null_that_keeps_it(self):
        assert VoidBattery().nulls(sample_of(shell(500, 5, 0.05, RNG(0)))) == ("covariance", "copula")

    @pytest.mark.parametrize("d", [2, 5, 30])
    def test_heavy_tails_may_be_all_that_there_is(self, d):
        codes = student(1000, d, 4, RNG(0))
        assert VoidBattery().nulls(sample_of(codes)) == ("covariance", "elliptical", "copula")

    def test_one_direction_has_one_null(self):
        line = RNG(0).standard_normal((200, 1))
        for codes in (line, line * [1.0, 2.0, -1.0]):
            battery, sample = VoidBattery(), sample_of(codes)
            assert battery.nulls(sample) == ("covariance",)
            (outcome,) = run_batteries(sample, [battery], 2, RNG(0))["voids"]
            assert [one.name for one in outcome.statistics] == ["void_share_1d", "void_log_ratio_1d"]


class TestLevel:
    def test_p_values_are_right(self):
        # 80 Gaussian clouds, 9 draws: the smaller of both p-values, corrected by the maximum, is at most 0.2 in 16 of
        # them, with a standard deviation of 3.6; bounds at 4 sd.
        low = 0
        for seed in range(80):
            codes = RNG(seed).standard_normal((100, 2)) @ [[2.0, 1.0], [0.0, 0.5]]
            (outcome,) = outcomes_of(codes, 9, 1000 + seed, AgainstCovariance())
            low += outcome.p.min() <= 0.2 + 1e-9
        assert abs(low - 16) <= 4 * 3.6

    def test_one_place_in_twenty_by_chance(self):
        # Shares of 15 draws from their own null, each of 500 places: mean 1/20 within 4 standard errors.
        (outcome,) = outcomes_of(RNG(3).standard_normal((500, 8)), 15, 0, AgainstCovariance(), 500)
        shares = outcome.draws[:, [one.name.startswith("void_share") for one in outcome.statistics]]
        error = shares.std(axis=0, ddof=1) / np.sqrt(15)
        assert np.all(np.abs(shares.mean(axis=0) - 0.05) < 4 * error + 0.01)

    @pytest.mark.parametrize("kind", ["t5", "gamma", "correlated gamma", "long"])
    def test_smooth_clouds_have_no_voids(self, kind):
        # One null is theirs: under it no share is beyond the margin.
        rng, n, d = RNG(5), 400, 12
        if kind == "t5":
            codes = student(n, d, 5, rng) @ rng.standard_normal((d, d))
        elif kind == "long":
            codes = rng.standard_normal((n, d)) * np.geomspace(100, 1, d)
        else:
            common = rng.standard_normal((n, 1)) if kind == "correlated gamma" else 0
            normal = rng.standard_normal((n, d)) + common
            codes = gamma.ppf(norm.cdf(normal / normal.std()), 3)
        outcomes = outcomes_of(codes, 9)
        deciding = [one.decides for one in outcomes[0].statistics]
        assert min(outcome.effects[deciding].max() for outcome in outcomes) < MARGIN / 2


class TestPower:
    def test_a_hollow_shell_is_found(self):
        outcomes = outcomes_of(shell(3000, 5, 0.05, RNG(0)), 99)
        verdict = VoidBattery().verdict(NOTHING, outcomes)
        assert verdict.holds is True
        assert "In the leading 5 components" in verdict.says

    def test_a_hole_in_two_of_twenty_dimensions_is_found_where_it_is(self):
        outcomes = outcomes_of(with_a_hole(2000, 20, 0.35, RNG(0)), 99)
        verdict = VoidBattery().verdict(NOTHING, outcomes)
        assert verdict.holds is True
        assert "In the leading 2 components" in verdict.says
        by_name = {one.name: effect for one, effect in zip(outcomes[0].statistics, outcomes[0].effects, strict=True)}
        assert by_name["void_share_all"] < by_name["void_share_2d"] / 2
        assert 0.1 < by_name["void_share_2d"] < 0.35


def made(share, chance=0.05, draws=99, n=1000, of=1000):
    """Outcomes under two nulls; the codes' share is the same, the second null is 0.02 nearer."""
    statistics = (
        Statistic("void_share_2d"),
        Statistic("void_share_all"),
        Statistic("void_log_ratio_2d", decides=False),
    )
    spread = np.linspace(-0.01, 0.01, draws)[:, None]
    return [
        Outcome(
            null,
            statistics,
            np.array([chance, share, 0.0]),
            np.array([chance, near, 0.0]) + spread * [1, 1, 0],
            n,
            of,
        )
        for null, near in (("covariance", chance), ("copula", chance + 0.02))
    ]


class TestVerdict:
    def test_beyond(self):
        verdict = VoidBattery().verdict(NOTHING, made(0.40, of=5000))
        assert (verdict.claim, verdict.holds, verdict.strength) == ("voids", True, "clear")
        assert verdict.says == (
            "There are voids. In all dimensions 40.0 % of the points of a cloud with the codes' axes and rank "
            "correlations lie further from the nearest code than from any of 19 such clouds; by chance it is 7.0 % "
            "(p = 0.01, 1,000 of 5,000 codes)."
        )
        assert "33 % or more of those drawn from mean and covariance" in verdict.advice

    def test_narrow(self):
        assert VoidBattery().verdict(NOTHING, made(0.19)).strength == "narrow"

    def test_too_small(self):
        verdict = VoidBattery().verdict(NOTHING, made(0.12))
        assert verdict.holds is False
        assert verdict.advice is None
        assert "detectable, but less than 10 % beyond chance, too small to matter" in verdict.says

    def test_not_seen(self):
        verdict = VoidBattery().verdict(NOTHING, made(0.06))
        assert verdict.holds is False
        assert verdict.says.startswith("No voids are seen. Where they are most likely: in ")

    def test_too_few_draws(self):
        verdict = VoidBattery().verdict(NOTHING, made(0.40, draws=19))
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert "undecided, 19 null draws can never reach p = 0.01" in verdict.says
