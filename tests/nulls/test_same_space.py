"""Two models within what seeds vary: intervals against Welch's, level, power, and the words that follow."""

import re
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from zscope.nulls.claims import RUNS_LEVEL, SPACE_MARGIN
from zscope.nulls.same_space import same_space_verdict
from zscope.nulls.seeds import Seeds, SpaceFigures, runs_needed, seed_differences

RNG = np.random.default_rng


def models(m, n, shared=False):
    """Two models of m and n runs, whose seeds are the same or not."""
    own, foreign = tuple(range(m)), tuple(range(m, m + n))
    return Seeds("a", own, own), Seeds("b", foreign, tuple(range(n)) if shared else tuple(range(100, 100 + n)))


def figures(m, n, rng, *, r2=(0.9, 0.9, 0.9), overlap=(0.6, 0.6, 0.6), ratio=1.0, spread=0.01, noise=0.3, of_peak=None):
    """Figures that are sums of what either run brings along and of chance in the pair.

    `r2` and `overlap` are the means within the first model, within the second, and between.
    """
    kind = np.repeat([0, 1], [m, n])

    def table(means):
        base = np.array([[means[0], means[2]], [means[2], means[1]]])[kind][:, kind]
        pair = noise * spread * rng.standard_normal(base.shape)
        run = spread * rng.standard_normal(m + n)
        return base + run[:, None] + run + (pair + pair.T) / np.sqrt(2)

    peaks = 16 * np.where(kind == 1, ratio, 1) * np.exp((of_peak or spread) * rng.standard_normal(m + n))
    return SpaceFigures(table(r2), table(overlap), peaks)


def judged(m, n, rng, **settings):
    one, other = models(m, n)
    return same_space_verdict(one, other, seed_differences(one, other, figures(m, n, rng, **settings)))


class TestDifferences:
    @pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 7), (1, 2)])
    def test_means_over_pairs(self, m, n):
        found = figures(m, n, RNG(0))
        one, other = models(m, n)
        of_one, of_other, shared, _, peak = seed_differences(one, other, found)
        assert of_one.between == pytest.approx(np.mean([found.r2[j, i] for i in one.rows for j in other.rows]))
        assert of_other.between == pytest.approx(np.mean([found.r2[i, j] for i in one.rows for j in other.rows]))
        assert of_other.within == pytest.approx(np.mean([found.r2[pair] for pair in permutations(other.rows, 2)]))
        if m > 1:
            within = np.mean([found.overlap[pair] for pair in permutations(one.rows, 2)])
            assert shared.effect == pytest.approx(shared.between - within)
        else:
            assert (shared.within, shared.effect) == (None, None)
        ratio = np.exp(np.log(found.peaks[list(other.rows)]).mean() - np.log(found.peaks[list(one.rows)]).mean())
        assert peak.effect == pytest.approx(ratio - 1)
        assert (shared.interval is None) == (min(m, n) < 3)

    def test_pairs_of_one_seed_are_left_out(self):
        m = 4
        found = figures(m, m, RNG(1))
        one, other = models(m, m, shared=True)
        clean = [row.between for row in seed_differences(one, other, found)]
        for table in (found.r2, found.overlap):
            for seed in range(m):
                table[seed, m + seed] = table[m + seed, seed] = 50.0
        assert [row.between for row in seed_differences(one, other, found)] == clean
        alone, twin = models(1, 1, shared=True)
        between = SpaceFigures(np.array([[np.nan, 0.7], [0.8, np.nan]]), np.full((2, 2), 0.5), np.ones(2))
        assert [row.between for row in seed_differences(alone, twin, between)[:2]] == [0.8, 0.7]

    @pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 9), (18, 4)])
    def test_intervals_are_welchs(self, m, n):
        """Of peaks always; of pairs where a pair's figure is the sum of what its runs bring along.

        Between minus within is then the mean of the other model's runs minus that of its own.
        """
        rng = RNG(2)
        run = rng.standard_normal(m + n) * np.repeat([0.01, 0.03], [m, n])
        table = 0.8 + run[:, None] + run
        one, other = models(m, n)
        found = seed_differences(one, other, SpaceFigures(table, table, 16 * np.exp(run)))
        ends = ttest_ind(run[m:], run[:m], equal_var=False).confidence_interval(1 - 2 * RUNS_LEVEL)
        for pair in (found[0], found[2]):
            assert (pair.interval.low, pair.interval.high) == pytest.approx(tuple(ends))
        peak = found[4].interval
        assert (peak.low, peak.high) == pytest.approx((np.expm1(ends.low), np.expm1(ends.high)))
        back = found[1].interval
        assert (back.low, back.high) == pytest.approx((-ends.high, -ends.low))

    def test_p_beyond_the_margin_is_welchs(self):
        rng = RNG(3)
        logs = np.log(16) + 0.01 * rng.standard_normal(9) + np.repeat([0, 0.1], [4, 5])
        one, other = models(4, 5)
        found = seed_differences(one, other, SpaceFigures(np.ones((9, 9)), np.ones((9, 9)), np.exp(logs)))[4]
        moved = logs[4:] - np.log1p(SPACE_MARGIN)
        expected = ttest_ind(moved, logs[:4], equal_var=False, alternative="greater").pvalue
        assert found.interval.p_beyond == pytest.approx(expected)

    def test_figures_that_never_vary(self):
        found = seed_differences(*models(3, 3), SpaceFigures(np.ones((6, 6)), np.ones((6, 6)), np.ones(6)))
        assert [row.interval.bound for row in found] == [0] * 5
        assert [row.interval.p_beyond for row in found] == [1] * 5

    def test_as_json(self):
        row = seed_differences(*models(3, 3), figures(3, 3, RNG(4)))[0].as_json()
        assert set(row) == {"figure", "of", "between", "within", "effect", "interval"}
        assert set(row["interval"]) == {"low", "high", "p_beyond", "spread"}


def test_runs_needed():
    """18 an arm for a margin of one standard deviation; the power is counted, with its own standard error of 0.9 %."""
    assert runs_needed(1.0, 1.0) == 18
    assert runs_needed(0.5, 1.0) < 18 < runs_needed(2.0, 1.0)
    assert runs_needed(1e9, 1.0) == 10_000
    n, rng = runs_needed(1.0, 1.0), RNG(5)
    first, second = rng.standard_normal((2, 2000, n))
    ends = ttest_ind(second, first, axis=1).confidence_interval(1 - 2 * RUNS_LEVEL)
    assert np.mean((ends.low > -1) & (ends.high < 1)) == pytest.approx(0.8, abs=0.036)


class TestLevelAndPower:
    """Counts of 200; bounds are four standard errors from what is stated, passed once in 16,000."""

    def held(self, rounds, seed, **settings):
        rng = RNG(seed)
        return [judged(rng=rng, **settings).holds for _ in range(rounds)]

    @pytest.mark.parametrize("n", [3, 8])
    def test_equal_models_are_never_called_different(self, n):
        found = self.held(200, 6, m=n, n=n, spread=0.05)
        assert found.count(False) <= 200 * (0.01 + 4 * np.sqrt(0.01 * 0.99 / 200))

    @pytest.mark.parametrize(
        "at", [{"overlap": (0.6, 0.6, 0.55)}, {"ratio": 1.05}, {"r2": (0.9, 0.9, 0.85)}, {"overlap": (0.7, 0.6, 0.65)}]
    )
    def test_at_the_margin(self, at):
        """Called one space in at most 5 %, two in at most 1 %."""
        found = self.held(200, 7, m=4, n=6, **at)
        assert found.count(True) <= 200 * (0.05 + 4 * np.sqrt(0.05 * 0.95 / 200))
        assert found.count(False) <= 200 * (0.01 + 4 * np.sqrt(0.01 * 0.99 / 200))

    def test_power(self):
        """At 18 runs of each and a margin of one standard deviation of the peak, four fifths are found the same."""
        found = self.held(200, 8, m=18, n=18, spread=0.005, of_peak=np.log1p(SPACE_MARGIN))
        assert found.count(True) >= 200 * (0.8 - 4 * np.sqrt(0.8 * 0.2 / 200))
        assert self.held(50, 9, m=5, n=5, overlap=(0.6, 0.6, 0.4)).count(False) >= 45

    def test_seeds_that_agree_less_are_another_model(self):
        """Between lies in the middle of both: only the two sides apart tell them from one space."""
        assert self.held(20, 10, m=8, n=8, overlap=(0.5, 0.8, 0.65)).count(False) == 20


class TestWords:
    def test_one_run_of_each(self):
        one, other = models(1, 1, shared=True)
        table = np.array([[np.nan, 0.93], [0.81, np.nan]])
        found = SpaceFigures(table, np.full((2, 2), 0.4), np.array([16.0, 8.0]))
        verdict = same_space_verdict(one, other, seed_differences(one, other, found))
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert verdict.says == (
            "a and b: R² 0.930 from a to b; 0.810 back; 40 % of the nearest neighbours in common; radii that peak at "
            "16 and 8 (−50.0 %). Undecided: one run of each says nothing about how seeds differ, and both have the "
            "seed 0."
        )
        assert "at least 3 of each" in verdict.advice

    def test_too_few_of_one(self):
        verdict = judged(2, 9, RNG(0))
        assert verdict.holds is None
        assert "2 runs of a cannot say how its seeds differ, it takes 3" in verdict.says

    def test_undecided_says_how_many_runs(self):
        verdict = judged(4, 4, RNG(1), spread=0.001, of_peak=0.06)
        assert verdict.holds is None
        assert "Undecided: with 4 and 4 runs it cannot be excluded" in verdict.says
        assert "in the peak of the radius (margin 5 %)" in verdict.says
        assert "in R²" not in verdict.says.partition("Undecided")[2]
        needed = int(verdict.advice.partition("about ")[2].split()[0])
        assert 8 < needed < 80

    def test_the_same(self):
        verdict = judged(6, 6, RNG(2), spread=0.002)
        assert (verdict.holds, verdict.strength) == (True, "clear")
        assert "margins 0.05, 5 points and 5 %; 6 and 6 runs" in verdict.says
        assert "one latent space, up to a rotation" in verdict.says

    def test_other_neighbours(self):
        verdict = judged(6, 6, RNG(3), overlap=(0.8, 0.7, 0.5), ratio=0.1, spread=0.004)
        assert (verdict.holds, verdict.strength) == (False, "clear")
        assert "the share of common neighbours lies" in verdict.says
        assert "points below that between seeds of a (90 % interval" in verdict.says
        assert re.search(r"90 % interval \d\d\.\d to \d\d\.\d points; margin 5 points; 6 and 6 runs", verdict.says)
        assert "scale" not in verdict.says

    def test_another_scale_alone(self):
        verdict = judged(6, 6, RNG(4), ratio=1.5, spread=0.004)
        assert verdict.holds is False
        assert "the peak of the radius lies" in verdict.says
        assert verdict.says.endswith("the spaces differ in scale or centre.")
        assert verdict.advice.startswith("Shift and rescale")

    def test_not_testable(self):
        one, other = models(3, 3)
        table = np.full((6, 6), np.nan)
        verdict = same_space_verdict(one, other, seed_differences(one, other, SpaceFigures(table, table, np.zeros(6))))
        assert (verdict.holds, verdict.strength) == (None, "not testable")
        assert verdict.says == "a and b: not testable, since the codes of a run do not vary."
