"""The claim `low_dimensional`: what is found, what is not, and what is said."""

import numpy as np
import pytest

from zscope.measures.base import LatentCodes
from zscope.measures.dimension import DimensionMeasure
from zscope.nulls.battery import run_batteries
from zscope.nulls.claims import DIMENSION_MARGIN
from zscope.nulls.dimension import DimensionBattery
from zscope.nulls.outcome import Outcome, Statistic

RNG = np.random.default_rng
BATTERY = DimensionBattery()


class OneNull(DimensionBattery):
    def nulls(self, sample):
        return ("covariance",)


def sampled(points, groups=None) -> LatentCodes:
    return LatentCodes.of(points, groups=groups, max_queries=150)


def judged(points, groups=None, draws: int = 99, battery=BATTERY):
    codes = sampled(points, groups)
    outcomes = run_batteries(codes.sample, [battery], draws, RNG(1))["dimension"]
    return battery.verdict(DimensionMeasure().measure(codes, RNG(2)), outcomes), outcomes


def curves(count: int, d: int, thickness: float, n: int) -> np.ndarray:
    rng = RNG(3)
    which, angle = rng.integers(count, size=n), rng.uniform(0, 2 * np.pi, n)
    planes = rng.standard_normal((count, 2, d))
    points = rng.standard_normal((count, d))[which] + np.einsum(
        "nk,nkd->nd", np.column_stack([np.cos(angle), np.sin(angle)]), planes[which]
    )
    return points + thickness * points.std() * rng.standard_normal((n, d))


def doubling_columns(outcome) -> list[int]:
    return [place for place, one in enumerate(outcome.statistics) if one.name.startswith("doubling_")]


class TestPlanted:
    def test_filaments_are_found_and_called_so(self):
        verdict, outcomes = judged(curves(20, 12, 0.02, 1200))
        assert {"covariance", "copula"} <= {outcome.null for outcome in outcomes}
        assert (verdict.claim, verdict.holds, verdict.strength) == ("low_dimensional", True, "clear")
        assert "on filaments" in verdict.says
        assert "p = 0.01, 1,200 codes" in verdict.says
        assert "mixture" in verdict.advice

    def test_a_ring_is_found_though_it_is_elliptical(self):
        angle = RNG(4).uniform(0, 2 * np.pi, 1000)
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * (1 + 0.01 * RNG(5).standard_normal((1000, 1)))
        verdict, outcomes = judged(ring)
        assert [outcome.null for outcome in outcomes] == ["covariance", "copula"]
        assert verdict.holds
        assert "on filaments" in verdict.says

    def test_a_sheet_is_found_without_a_word_of_filaments(self):
        rng = RNG(6)
        flat = rng.uniform(-1, 1, (1000, 2))
        sheet = np.column_stack([flat, np.cos(4 * flat), np.sin(4 * flat), np.prod(flat, axis=1) * 2])
        verdict, _ = judged(sheet)
        assert verdict.holds
        assert "fewer dimensions" in verdict.says
        assert "filament" not in verdict.says


class TestNothingPlanted:
    def test_level(self):
        # 60 Gaussian clouds, 19 draws: P(least p ≤ 0.05) = 0.05, so 3 ± 1.7 of them.
        found = 0
        for seed in range(60):
            points = RNG([7, seed]).standard_normal((90, 3)) * [1.0, 2.0, 0.3]
            (made,) = run_batteries(sampled(points).sample, [OneNull()], 19, RNG([8, seed]))["dimension"]
            found += made.p.min() <= 0.05
        assert found <= 3 + 4 * 1.7

    def test_heavy_tails_and_skewed_axes_are_no_structure(self):
        rng = RNG(9)
        for points in (rng.standard_t(4, (300, 1)) * rng.standard_normal((300, 5)), rng.gamma(2, size=(300, 5))):
            verdict, _ = judged(points)
            assert verdict.holds is False
            assert verdict.advice is None

    def test_near_duplicates_are_no_structure(self):
        points = RNG(10).standard_normal((500, 8))
        twice = np.concatenate([points, points + 1e-3 * RNG(11).standard_normal((500, 8))])
        verdict, outcomes = judged(twice, battery=OneNull())  # other nulls could only forbid more
        names = [one.name for one in outcomes[0].statistics]
        assert outcomes[0].effects[names.index("twonn")] < 0.1
        assert verdict.holds is False


class TestGroups:
    def test_large_groups_without_regard_to_place_are_not(self):
        # With 95 of 100 codes in one group a query of it has a twentieth of the neighbours, and a lower dimension.
        groups = (RNG(5).uniform(size=1500) < 0.05).astype(int)
        verdict, outcomes = judged(RNG(0).standard_normal((1500, 32)), groups, draws=19)
        ratios = [one.effects[place] for one in outcomes for place in doubling_columns(one)]
        assert min(ratios) > 0.8
        assert verdict.holds is None

    def test_tight_groups_are_left_out_where_it_is_told_which(self):
        # Six photographs of each of 120 persons; the persons are a Gaussian cloud.
        persons, who = RNG(12).standard_normal((120, 5)), np.repeat(np.arange(120), 6)
        codes = persons[who] + 1e-3 * RNG(13).standard_normal((720, 5))
        without, _ = judged(codes, battery=OneNull())
        assert without.holds
        assert "tight groups" in without.says
        told, outcomes = judged(codes, who, battery=OneNull())
        names = [one.name for one in outcomes[0].statistics]
        values = DimensionMeasure().measure(sampled(codes, who), RNG(0)).values
        assert outcomes[0].data[names.index("mle_50")] == values["without_own_group"]["dimension"]["mle_50"]
        assert "neighbours of the own group left out" in told.says


class TestUntestable:
    def test_one_direction(self):
        line = RNG(0).standard_normal((300, 1))
        for points in (line, line * [1.0, 2.0, -1.0], np.column_stack([line, np.ones(300)])):
            reason = BATTERY.untestable(sampled(points).sample)
            assert reason == "the codes vary along one direction only, and nothing continuous has fewer"

    def test_one_group(self):
        groups = np.repeat([0, 1], [290, 10])
        reason = BATTERY.untestable(sampled(RNG(0).standard_normal((300, 3)), groups).sample)
        assert reason == "nearly all codes are of one group: there are too few neighbours of other groups"
        assert BATTERY.untestable(sampled(RNG(0).standard_normal((300, 3))).sample) is None


class TestWords:
    """Verdicts of outcomes made by hand: 99 draws at 10 ± 0.1 dimensions."""

    MEASUREMENT = DimensionMeasure().measure(LatentCodes.of(RNG(0).standard_normal((500, 10))), RNG(0))

    def verdict(self, four: float, ten: float, draws: int = 99):
        statistics = tuple(Statistic(name, "low", "ratio") for name in ("doubling_4", "doubling_8"))
        drawn = 10 + 0.1 * RNG(0).uniform(-1, 1, (draws, 2))
        outcomes = [
            Outcome(null, statistics, np.array([four, ten]), drawn, 500, 900) for null in ("covariance", "copula")
        ]
        return BATTERY.verdict(self.MEASUREMENT, outcomes)

    def test_beyond_the_margin(self):
        verdict = self.verdict(9.0, 5.0)
        assert (verdict.holds, verdict.strength) == (True, "clear")
        distance = self.MEASUREMENT.values["distance"]["doubling_8"]
        assert verdict.says == (
            "The codes lie on something of fewer dimensions than a smooth cloud like theirs. From the 4th to the 8th "
            f"neighbour ({distance:.3g} away) the codes have dimension 5, a Gaussian cloud with the codes' mean and "
            "covariance 10: 0.50 of it (p = 0.01, 500 of 900 codes)."
        )
        assert verdict.advice.startswith(
            "Random codes from a Gaussian cloud with the codes' mean and covariance lie off it: they have 10 dimensions"
        )

    def test_filaments_at_another_scale_than_the_one_it_rests_on_need_a_dimension_of_one_and_a_half_at_most(self):
        assert "on filaments: from the 2nd to the 4th neighbour they have dimension 1.2." in self.verdict(1.2, 2.0).says
        assert "filaments" not in self.verdict(1.6, 2.0).says

    def test_tight_groups(self):
        assert self.verdict(0.3, 5.0).says.startswith("The codes come in tight groups with much room between them")

    def test_too_small_to_matter(self):
        verdict = self.verdict(9.0, 10 * DIMENSION_MARGIN + 0.1)
        assert (verdict.holds, verdict.advice) == (False, None)
        assert verdict.says.endswith("less than 25 % fewer at every scale: too small to matter.")

    def test_not_seen(self):
        verdict = self.verdict(10.0, 10.3)
        assert (verdict.holds, verdict.strength) == (False, "not seen")
        assert verdict.says.startswith("At no scale do codes have fewer dimensions than chance allows.")

    def test_too_few_draws(self):
        verdict = self.verdict(9.0, 5.0, draws=19)
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert verdict.says.endswith("undecided, 19 null draws can never reach p = 0.01.")


@pytest.mark.parametrize("n", [50, 90])
def test_few_codes_are_tested_at_fewer_scales(n):
    verdict, outcomes = judged(RNG(0).standard_normal((n, 3)), draws=3)
    assert verdict.holds is None
    scales = [one.name for one in outcomes[0].statistics if one.decides]
    assert scales == {50: ["doubling_4", "doubling_8"], 90: ["doubling_4", "doubling_8", "doubling_20"]}[n]
