"""The engine of null tests, on statistics whose law is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import norm

from zscope.errors import CodesError, ParameterError
from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.sample import Sample
from zscope.nulls.battery import Battery, outlying, run_batteries, too_few
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.structure import decide

RNG = np.random.default_rng


@dataclass(frozen=True)
class Toy(Battery):
    """Fourth moments of two axes: the codes' own law decides how they lie to the null's."""

    measure: ClassVar[str] = "toy"
    names: tuple[str, ...] = ("covariance",)

    def nulls(self, sample):
        return self.names

    def prepare(self, sample, side):
        return [pilot.points[0, 0] for pilot in side.pilots]

    def statistics(self, sample, prepared, rng):
        fourth = (sample.points**4).mean(axis=0)
        return {Statistic("first"): float(fourth[0]), Statistic("second", "low"): float(fourth[1])}

    def verdict(self, measurement, outcomes):
        return None


def sampled(points) -> Sample:
    return LatentCodes.of(points).sample


def outcome(data: Sequence[float], draws, statistics=None, null="covariance") -> Outcome:
    draws = np.asarray(draws, dtype=float)
    statistics = statistics or tuple(Statistic(f"s{i}") for i in range(draws.shape[1]))
    return Outcome(null, statistics, np.asarray(data, dtype=float), draws, 1000, 1000)


class TestPValues:
    def test_one_statistic_is_its_rank(self):
        draws = np.arange(99.0)[:, None]
        assert outcome([98.5], draws).p[0] == pytest.approx(0.01)
        assert outcome([97.5], draws).p[0] == pytest.approx(0.02)
        assert outcome([-1.0], draws).p[0] == 1.0

    def test_low_and_both_tails(self):
        draws = np.arange(99.0)[:, None] - 49
        for tail, value, p in (("low", -49.5, 0.01), ("low", 60.0, 1.0), ("both", 70.0, 0.01), ("both", -70.0, 0.01)):
            assert outcome([value], draws, (Statistic("s", tail),)).p[0] == pytest.approx(p), (tail, value)

    def test_a_draw_that_equals_the_codes_counts_against_them(self):
        assert outcome([5.0], np.full((9, 1), 5.0)).p[0] == 1.0

    def test_the_maximum_is_the_bonferroni_bound_for_independent_figures_and_no_correction_for_equal_ones(self):
        value, draws = float(norm.ppf(0.99)), RNG(0).standard_normal((40_000, 5))
        same = outcome([value] * 5, np.repeat(draws[:, :1], 5, axis=1))
        assert same.p == pytest.approx(np.full(5, 0.01), abs=2e-3)
        apart = outcome([value] * 5, draws)
        assert apart.p == pytest.approx(np.full(5, 1 - 0.99**5), abs=5e-3)

    def test_level_is_exact_when_codes_and_draws_have_one_law(self):
        rng, trials = RNG(2), 4000
        least = []
        for _ in range(trials):
            # Skewed figures on very different scales, one depending on the other.
            rows = rng.exponential(size=(20, 2)) * (1, 1000)
            rows = np.column_stack([rows, rows[:, 0] ** 2])
            least.append(outcome(rows[0], rows[1:]).p.min())
        # Binomial(4000, 0.05): five standard deviations are 0.017.
        assert np.mean(np.array(least) <= 0.05) == pytest.approx(0.05, abs=0.017)

    def test_evidence_costs_the_claim_no_power(self):
        statistics = (Statistic("share"), Statistic("dip", decides=False))
        draws = np.column_stack([np.arange(99.0), np.zeros(99)])
        draws[0, 1] = 1e6  # an outlying draw of a figure that hardly changes
        made = outcome([200.0, 0.0], draws, statistics)
        assert made.p[0] == pytest.approx(0.01)
        assert made.p[1] == 1.0

    def test_effects(self):
        statistics = (Statistic("ratio", "low", "ratio"), Statistic("difference"))
        made = outcome([3.0, 3.0], [[4.0, 4.0], [8.0, 8.0]], statistics)
        assert made.effects == pytest.approx([0.5, -3.0])
        tests = made.tests()
        assert [test.null_mean for test in tests] == [6.0, 6.0]
        assert tests[0].null_sd == pytest.approx(np.sqrt(8))
        assert made.least_p == pytest.approx(1 / 3)


class TestRun:
    def test_codes_of_the_null_itself_are_ordinary(self):
        # 200 clouds, 19 draws: P(p ≤ 0.05) = 0.05, so 10 ± 3.1 of them.
        found = 0
        for seed in range(200):
            points = RNG(seed).standard_normal((60, 2))
            (made,) = run_batteries(sampled(points), [Toy()], 19, RNG([seed, 1]))["toy"]
            found += made.p.min() <= 0.05
        assert found <= 10 + 4 * 3.1

    def test_heavy_tails_are_seen(self):
        points = RNG(0).standard_t(3, size=(500, 2)).astype(np.float32)
        (made,) = run_batteries(sampled(points), [Toy()], 99, RNG(1))["toy"]
        assert made.p[0] == 0.01
        assert made.effects[0] > 0

    def test_a_draw_does_not_depend_on_how_many_there_are(self):
        points = RNG(0).standard_normal((80, 3))
        (few,), (many,) = (run_batteries(sampled(points), [Toy()], draws, RNG(7))["toy"] for draws in (3, 6))
        assert (few.draws == many.draws[:3]).all()

    def test_every_null_has_its_own_outcome_and_progress_is_told(self):
        told = []
        made = run_batteries(
            sampled(RNG(0).standard_normal((80, 3))),
            [Toy(names=("covariance", "normal"))],
            4,
            RNG(0),
            lambda what, done, total, /, **figures: told.append((what, done, total, figures["null"])),
        )["toy"]
        assert [one.null for one in made] == ["covariance", "normal"]
        assert told[0] == ("null clouds", 1, 8, "covariance")
        assert told[-1] == ("null clouds", 8, 8, "normal")

    def test_fewer_draws_where_a_battery_says_that_they_are_enough(self):
        @dataclass(frozen=True)
        class Dear(Toy):
            measure: ClassVar[str] = "dear"
            most_draws: ClassVar[int | None] = 5

        made = run_batteries(sampled(RNG(0).standard_normal((80, 3))), [Toy(), Dear()], 9, RNG(0))
        assert len(made["toy"][0].draws) == 9
        assert len(made["dear"][0].draws) == 5

    def test_pilots_are_the_same_each_time_and_no_counted_draw(self):
        @dataclass(frozen=True)
        class Piloted(Toy):
            pilots: ClassVar[int] = 3

            def prepare(self, sample, side):
                first, again = ([pilot.points.copy() for pilot in side.pilots] for _ in range(2))
                assert len(first) == len(side.pilots) == 3
                assert all((one == other).all() for one, other in zip(first, again, strict=True))
                assert not any((one == side.reference.points).all() for one in first)

        run_batteries(sampled(RNG(0).standard_normal((80, 3))), [Piloted()], 1, RNG(0))

    def test_figures_must_be_finite(self):
        class Broken(Toy):
            def statistics(self, sample, prepared, rng):
                return {Statistic("fine"): 1.0, Statistic("broken"): float("nan")}

        with pytest.raises(ParameterError, match="finite under the null covariance, got broken"):
            run_batteries(sampled(RNG(0).standard_normal((80, 3))), [Broken()], 1, RNG(0))

    def test_draws_below_one(self):
        with pytest.raises(ParameterError, match="draws must be at least 1, got 0"):
            run_batteries(sampled(RNG(0).standard_normal((80, 3))), [Toy()], 0, RNG(0))


class TestDecide:
    LOW = (Statistic("dimension", "low", "ratio"),)
    SPREAD = np.linspace(-1, 1, 99)[:, None]

    def test_holds_if_every_null_is_beaten_by_more_than_the_margin(self):
        outcomes = [outcome([4.8], 10 + self.SPREAD, self.LOW), outcome([4.8], 8 + self.SPREAD, self.LOW, "copula")]
        made = decide("low_dimensional", outcomes)
        assert (made.holds, made.strength, made.why, made.null) == (True, "clear", "beyond", "copula")
        assert made.effect == pytest.approx(0.6)
        assert made.p == pytest.approx(0.01)

    def test_one_null_that_is_not_beaten_is_enough_against_it(self):
        outcomes = [outcome([5.0], 10 + self.SPREAD, self.LOW), outcome([5.0], 5 + self.SPREAD, self.LOW, "copula")]
        made = decide("low_dimensional", outcomes)
        assert (made.holds, made.why, made.null) == (False, "not seen", "copula")

    def test_significant_but_under_the_margin_is_false(self):
        made = decide("low_dimensional", [outcome([8.0], 10 + self.SPREAD, self.LOW)])
        assert (made.holds, made.why) == (False, "too small")

    def test_narrow_just_beyond_the_margin(self):
        made = decide("low_dimensional", [outcome([7.3], 10 + self.SPREAD, self.LOW)])
        assert (made.holds, made.strength) == (True, "narrow")

    def test_too_few_draws_decide_nothing(self):
        made = decide("low_dimensional", [outcome([1.0], 10 + self.SPREAD[::10], self.LOW)])
        assert (made.holds, made.why) == (None, "too few draws")

    def test_evidence_alone_does_not_decide(self):
        statistics = (Statistic("share"), Statistic("dip", decides=False))
        draws = np.column_stack([self.SPREAD, self.SPREAD])
        made = decide("clusters", [outcome([0.0, 50.0], draws, statistics)])
        assert made.holds is False
        assert made.statistic.name == "share"


class TestSample:
    def test_duplicates_are_kept_once_and_counted(self):
        points = RNG(0).standard_normal((100, 3)).astype(np.float32)
        made = sampled(np.concatenate([points, points[:30]]))
        assert (made.n, made.of, made.duplicates) == (100, 130, 30)
        assert len(np.unique(made.points, axis=0)) == 100

    def test_at_most_so_many_points_and_queries_by_a_fixed_choice(self):
        codes = LatentCodes.of(RNG(0).standard_normal((500, 2)), max_points=200, max_queries=50)
        assert (codes.sample.n, len(codes.sample.queries), codes.sample.of) == (200, 50, 500)
        again = LatentCodes.of(codes.mean, max_points=200, max_queries=50)
        assert (codes.sample.points == again.sample.points).all()

    def test_groups_follow_their_codes(self):
        points = RNG(0).standard_normal((60, 2)).astype(np.float32)
        names = np.array([f"person {i % 7}" for i in range(60)])
        made = LatentCodes.of(points, groups=names).sample
        back = {tuple(point): name for point, name in zip(points, names, strict=True)}
        own = [back[tuple(point)] for point in made.points]
        for i in range(60):
            for j in range(60):
                assert (own[i] == own[j]) == (made.groups[i] == made.groups[j])

    def test_groups_of_another_length(self):
        with pytest.raises(CodesError, match="groups must be one a code, 10"):
            LatentCodes.of(np.eye(10), groups=[1, 2])

    def test_bounds(self):
        with pytest.raises(ParameterError, match="max_points must be at least 1, got 0"):
            LatentCodes.of(np.eye(3), max_points=0)


class TestTooFew:
    @pytest.mark.parametrize(
        ("points", "reason"),
        [
            (np.zeros((100, 3)), "all codes are the same point"),
            (np.zeros((1, 3)), "there is only one code"),
            (RNG(0).standard_normal((49, 2)), "49 distinct codes in 2 dimensions are too few, it takes 50"),
            (RNG(0).standard_normal((100, 60)), "100 distinct codes in 60 dimensions are too few, it takes 120"),
        ],
    )
    def test_reasons(self, points, reason):
        assert too_few(sampled(points)) == reason

    def test_enough(self):
        assert too_few(sampled(RNG(0).standard_normal((50, 25)))) is None


class TestOutlying:
    @pytest.mark.parametrize("far", [1e8, 1e12])
    def test_a_point_beside_which_the_covariance_holds_no_others(self, far):
        points = RNG(0).standard_normal((300, 3))
        points[17, 1] = far
        assert "mean and covariance say nothing of the others" in outlying(sampled(points))

    @pytest.mark.parametrize("kind", ["outlier", "line", "constant axis", "few", "heavy tails"])
    def test_what_the_covariance_can_hold(self, kind):
        points = RNG(0).standard_normal((300, 3))
        if kind == "outlier":
            points[17] = 1e3
        elif kind == "line":
            points = points[:, :1] * [1.0, 2.0, -1.0]
        elif kind == "constant axis":
            points[:, 2] = 4
        elif kind == "few":
            points = RNG(0).standard_normal((60, 30))
        else:
            points = RNG(0).standard_cauchy((300, 3))
        assert outlying(sampled(points)) is None


def test_a_battery_gives_its_verdict_from_its_outcomes():
    measurement = Measurement("toy", {})
    assert Toy().verdict(measurement, []) is None
