"""The rule of agreement claims, and codes against the normal cloud: level, power and words."""

import numpy as np
import pytest

from zscope.measures import LatentCodes
from zscope.measures.normality import NormalityMeasure
from zscope.nulls.agreement import (
    Bound,
    accuracy_bound,
    agree,
    bounded,
    codes_to_decide,
    distance_bound,
    distance_slack,
    guessed,
    margin_of,
)
from zscope.nulls.battery import run_batteries
from zscope.nulls.claims import CLAIMS, DISTANCE_MARGIN
from zscope.nulls.normality import NormalityBattery
from zscope.nulls.outcome import Outcome, Statistic

RNG = np.random.default_rng


def outcome(data, draws, names=("a",), tails=None, n=1000, of=None):
    tails = tails or ["high"] * len(names)
    statistics = tuple(Statistic(name, tail) for name, tail in zip(names, tails, strict=True))
    draws = np.asarray(draws, dtype=float).reshape(-1, len(names))
    return Outcome("covariance", statistics, np.asarray(data, dtype=float), draws, n, of or n)


def spread(middle, sd, count=99):
    return middle + sd * np.linspace(-1.7, 1.7, count)


class TestBounds:
    def test_slack_holds_as_often_as_it_says(self):
        # Distance of 400 uniform samples of 200 from their law, and from another sample: above the slack in 1 % at
        # most; 11 of 400 or more would be chance in one case of 300.
        rng, one, two = RNG(0), 0, 0
        for _ in range(400):
            values, others = np.sort(rng.random(200)), np.sort(rng.random(300))
            steps = np.arange(201) / 200
            one += max((steps[1:] - values).max(), (values - steps[:-1]).max()) > distance_slack(200)
            grid = np.concatenate([values, others])
            apart = np.searchsorted(values, grid, "right") / 200 - np.searchsorted(others, grid, "right") / 300
            two += np.abs(apart).max() > distance_slack(200, 300)
        assert one <= 10
        assert two <= 10
        assert distance_slack(200) == pytest.approx(np.sqrt(np.log(200) / 400))
        assert distance_slack(200, 400) == pytest.approx(np.sqrt(np.log(400) / 400) + np.sqrt(np.log(400) / 800))

    def test_the_largest_of_many_axes_needs_no_more(self):
        # 60 axes of which one is truly 0.1 off: the bound on the largest is below 0.1 in 1 % of cases at most.
        rng, missed = RNG(1), 0
        for _ in range(200):
            values = np.sort(rng.random((60, 150)), axis=1)
            values[0] = np.sort(np.where(rng.random(150) < 0.1, 0.0, rng.random(150)))
            steps = np.arange(151) / 150
            seen = np.maximum((steps[1:] - values).max(), (values - steps[:-1]).max())
            missed += seen + distance_slack(150) < 0.1
        assert missed <= 5

    def test_distance(self):
        made = distance_bound(outcome([0.1, 0.2], [[0.03, 0.05]] * 99, ("a", "b")), "b")
        assert (made.statistic, made.effect, made.p) == ("b", 0.2, 0.01)
        assert made.by_chance == pytest.approx(0.05)
        assert made.slack == distance_slack(1000)
        assert made.upper == 0.2 + made.slack
        assert distance_bound(outcome([0.99], [[0.1]]), "a", 20_000).upper == 1

    def test_accuracy_is_measured_from_that_of_the_draws_to_either_side(self):
        draws = spread(0.47, 0.02)[:, None]
        sd = draws.std(ddof=1)
        for value, effect, more in ((0.53, 0.06, "6.0 % more"), (0.41, 0.06, "6.0 % less")):
            found = outcome([value], draws, tails=["both"])
            made = accuracy_bound(found, "a", 100_000)
            assert made.effect == pytest.approx(effect)
            assert made.slack == pytest.approx(2.3263479 * sd)
            assert more in guessed(found, "a", "code")
        assert accuracy_bound(found, "a", 400).slack == pytest.approx(2.3263479 * 0.025)
        assert accuracy_bound(outcome([0.5], [[0.5]]), "a", 400).slack == pytest.approx(2.3263479 * 0.025)

    def test_margins(self):
        assert margin_of("multivariate_normal") == DISTANCE_MARGIN
        with pytest.raises(ValueError, match="collapsed_axes has no margin"):
            margin_of("collapsed_axes")


class TestRule:
    def bounds(self, *figures):
        return [Bound(name, effect, 0.01, slack, p) for name, effect, slack, p in figures]

    @pytest.mark.parametrize(
        ("figures", "holds", "strength", "on"),
        [
            ([("a", 0.005, 0.01, 0.5), ("b", 0.01, 0.01, 0.5)], True, "clear", "b"),
            ([("a", 0.005, 0.01, 0.01), ("b", 0.03, 0.01, 0.01)], True, "narrow", "b"),
            ([("a", 0.005, 0.01, 0.5), ("b", 0.045, 0.01, 0.01)], None, "undecided", "b"),
            ([("a", 0.064, 0.013, 0.01), ("b", 0.01, 0.06, 0.5)], False, "narrow", "a"),
            ([("a", 0.062, 0.013, 0.01)], None, "undecided", "a"),
            ([("a", 0.058, 0.005, 0.01)], None, "undecided", "a"),
            ([("a", 0.08, 0.01, 0.01), ("b", 0.3, 0.01, 0.01)], False, "clear", "b"),
            ([("a", 0.08, 0.01, 0.02), ("b", 0.01, 0.01, 0.01)], None, "undecided", "a"),
        ],
    )
    def test_holds(self, figures, holds, strength, on):
        made = agree(self.bounds(*figures), 0.05, outcome([0.0], np.zeros((99, 1))))
        assert (made.holds, made.strength, made.bound.statistic) == (holds, strength, on)
        assert (made.why == "") == (holds is not None)

    @pytest.mark.parametrize(
        ("figures", "draws", "n", "says"),
        [
            ([("a", 0.2, 0.01, 0.05)], 19, 1000, "19 null draws can never reach p = 0.01"),
            ([("a", 0.045, 0.01, 0.01)], 99, 1000, "there is a difference, but it may be under the margin or above it"),
            ([("a", 0.06, 0.1, 0.2)], 99, 300, "up to 16.0 % cannot be excluded; to decide it takes about 1,500 codes"),
            ([("a", 0.045, 0.01, 0.2)], 99, 9000, "cannot be excluded; more codes would decide it"),
        ],
    )
    def test_why_it_is_undecided(self, figures, draws, n, says):
        made = agree(self.bounds(*figures), 0.05, outcome([0.0], np.zeros((draws, 1)), n=n))
        assert made.holds is None
        assert says in made.why

    def test_codes_to_decide(self):
        # Both parts fall with the root: (0.03 + 0.07) / 0.05 = 2, so four times as many.
        assert codes_to_decide([Bound("a", 0.2, 0.03, 0.07, 1.0)], 0.05, 500) == 2000

    def test_words(self):
        found = outcome([0.0], np.zeros((99, 1)), n=800, of=9000)
        says = bounded(Bound("a", 0.02, 0.01, 0.04, 0.37), 0.05, found, "draws")
        assert says == "at most 6.0 % with 99 % confidence (margin 5 %, p = 0.37, 800 of 9,000 draws)"


def judged(points, draws=99, seed=1, **settings):
    codes = LatentCodes.of(points, max_queries=300)
    battery = NormalityBattery(**settings)
    (found,) = run_batteries(codes.sample, [battery], draws, RNG(seed))["normality"]
    return found, battery.verdict(NormalityMeasure().measure(codes, RNG(0)), [found])


def correlated(n, d, seed=0):
    rng = RNG(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


class TestLevel:
    def test_p_values_of_normal_codes_are_uniform(self):
        # 100 clouds of 9 draws: p ≤ 0.1 in 10 ± 3; bounds at 4 sd. The six figures count as one.
        least = np.array([judged(correlated(80, 3, seed), 9, seed)[0].p.min() for seed in range(100)])
        for share in (0.1, 0.2, 0.5):
            assert abs(np.mean(least <= share + 1e-9) - share) <= 4 * np.sqrt(share * (1 - share) / 100)

    @pytest.mark.parametrize("d", [1, 5, 40])
    def test_figures_do_not_depend_on_place_and_scale_of_the_axes(self, d):
        points = correlated(300, d)
        plain, _ = judged(points, 3)
        moved, _ = judged(points * np.geomspace(1e-3, 1e3, d) + 7 * np.geomspace(1e-3, 1e3, d), 3)
        for name in ("mahalanobis_ks", "axes_ks", "mardia_kurtosis", "mardia_skewness"):
            at = [one.name for one in plain.statistics].index(name)
            assert moved.data[at] == pytest.approx(plain.data[at], rel=2e-3)


class TestVerdict:
    def test_normal_codes_are_normal(self):
        # A bound below the margin needs no small p: 9 draws do.
        codes = LatentCodes.of(correlated(9000, 6), max_queries=1000)
        (found,) = run_batteries(codes.sample, [NormalityBattery()], 9, RNG(0))["normality"]
        verdict = NormalityBattery().verdict(NormalityMeasure().measure(codes, RNG(0)), [found])
        assert (verdict.claim, verdict.holds, verdict.strength) == ("multivariate_normal", True, "narrow")
        assert "the codes are a multivariate normal cloud, within the margin" in verdict.says
        assert verdict.advice is not None

    @pytest.mark.parametrize(
        ("kind", "where"),
        [
            ("gamma", "in the Mahalanobis distances"),
            ("student", "in the Mahalanobis distances"),
            ("one axis", "along axis 4"),
            ("one direction", "along principal component 1"),
            ("curves", "in the neighbours"),
        ],
    )
    def test_what_is_planted_is_found_and_named(self, kind, where):
        rng = RNG(0)
        points = rng.standard_normal((1000, 16))
        if kind == "gamma":
            points = rng.gamma(3, size=(1000, 16))
        elif kind == "student":
            points *= np.sqrt(8 / rng.chisquare(8, 1000))[:, None]
        elif kind == "one axis":
            points[:, 4] = rng.exponential(size=1000)
        elif kind == "one direction":
            points += 4 * rng.exponential(size=(1000, 1)) * np.ones(16) / 4
        else:
            # 20 closed curves, with a hundredth of the cloud's sd across.
            ways, turns = rng.standard_normal((3, 20, 16)), 2 * np.pi * rng.random(1000)[:, None]
            one = rng.integers(20, size=1000)
            points = ways[0][one] + np.cos(turns) * ways[1][one] + np.sin(turns) * ways[2][one]
            points += 0.01 * rng.standard_normal((1000, 16))
        found, verdict = judged(points)
        assert (verdict.holds, found.p.min()) == (False, 0.01)
        assert f"The largest difference from a normal cloud is {where}" in verdict.says
        assert verdict.says.endswith(": the codes are no multivariate normal cloud.")

    def test_groups_are_not_called_normal(self):
        # 40 groups in 24 dimensions, 5 sd apart: every projection is smooth, only neighbours see them.
        rng = RNG(0)
        centres = 5 / np.sqrt(48) * rng.standard_normal((40, 24))
        points = centres[rng.integers(40, size=5000)] + rng.standard_normal((5000, 24))
        codes = LatentCodes.of(points, max_queries=1000)
        (found,) = run_batteries(codes.sample, [NormalityBattery()], 9, RNG(0))["normality"]
        verdict = NormalityBattery().verdict(NormalityMeasure().measure(codes, RNG(0)), [found])
        at = [one.name for one in found.statistics].index("neighbour_accuracy")
        assert found.effects[at] > DISTANCE_MARGIN
        assert found.p[at] == 0.1
        assert verdict.holds is None

    def test_few_codes_decide_nothing(self):
        _, verdict = judged(correlated(100, 4))
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert "to decide it takes about" in verdict.says

    def test_the_reason_of_the_margin(self):
        # Gamma(3) axes, 4,000 codes: 0.077 along an axis, and some 0.01 more for the largest of 64.
        found, _ = judged(RNG(0).gamma(3, size=(4000, 64)), 2, most_probes=50)
        figures = dict(zip([one.name for one in found.statistics], found.data, strict=True))
        assert figures["axes_ks"] == pytest.approx(0.088, abs=0.012)
        assert figures["mahalanobis_ks"] == pytest.approx(0.095, abs=0.02)
        assert CLAIMS["multivariate_normal"].margin < 0.07

    def test_untestable(self):
        sample = LatentCodes.of(1 + 5e-8 * RNG(0).standard_normal((90, 2))).sample
        assert NormalityBattery().untestable(sample) == "the codes vary no more than the rounding of float32 does"
        assert NormalityBattery().untestable(LatentCodes.of(correlated(60, 2)).sample) is None
