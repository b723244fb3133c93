"""The t-SNE map against maps of its nulls: what is tested, what is found, and how it is said."""

import numpy as np
import pytest

from zscope.clouds import CLOUDS
from zscope.measures.base import LatentCodes, Measurement
from zscope.nulls.battery import run_batteries
from zscope.nulls.claims import SHARE_MARGIN
from zscope.nulls.maps import MapBattery
from zscope.nulls.outcome import Outcome, Statistic

RNG = np.random.default_rng
NONE = Measurement("tsne", {})


def groups(n, d, apart, seed=0):
    """Three groups, turned: along the axes the copula null would keep their three pairs of peaks."""
    members, rng = np.arange(n) % 3, RNG(seed)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return ((apart * np.eye(3, d)[members] + rng.standard_normal((n, d))) @ turn).astype(np.float32)


def found_in(codes, draws, seed=1, points=150):
    battery = MapBattery(points=points)
    sample = battery.sample(LatentCodes.of(codes), RNG(0))
    assert battery.untestable(sample) is None
    return run_batteries(sample, [battery], draws, RNG(seed))["tsne"]


def outcomes(share, null_share, draws=99, null_sd=0.02, n=2000, of=60_000):
    """One outcome a null, of the figure that decides alone; the last null comes nearest."""
    made = []
    for place, null in enumerate(("covariance", "elliptical", "copula")):
        noise = RNG(place).standard_normal((draws, 1)) * null_sd
        rows = np.clip(null_share * (1 + place) / 3 + noise - noise.mean(), 0, 1)
        made.append(Outcome(null, (Statistic("outside"),), np.array([share]), rows, n, of))
    return made


class TestWhatIsTested:
    def test_the_first_points_of_the_shared_sample(self):
        codes = LatentCodes.of(RNG(0).standard_normal((300, 5)), max_points=200)
        sample = MapBattery(points=80).sample(codes, RNG(0))
        assert np.array_equal(sample.points, codes.sample.points[:80])
        assert (sample.n, sample.of) == (80, 300)
        assert MapBattery().sample(codes, RNG(0)).n == 200

    def test_codes_without_a_map_are_not_testable(self):
        battery = MapBattery()
        line = battery.sample(LatentCodes.of(RNG(0).standard_normal((60, 1))), RNG(0))
        assert battery.untestable(line) == "it needs at least 2 dimensions, the codes have 1"

    def test_codes_and_draws_have_the_same_figures(self):
        battery = MapBattery(points=80)
        sample = battery.sample(LatentCodes.of(groups(200, 6, 5)), RNG(0))
        draw = sample.like(CLOUDS["covariance"]().fit(sample.points).draw_matched(80, RNG(0)))
        figures, of_draw = (battery.statistics(one, None, RNG(0)) for one in (sample, draw))
        assert list(figures) == list(of_draw)
        assert [one.name for one in figures if one.decides] == ["outside"]
        assert battery.statistics(sample, None, RNG(0)) == figures
        assert set(battery.nulls(sample)) <= set(CLOUDS)


class TestPower:
    def test_far_groups_beat_every_draw_of_every_null(self):
        for outcome in found_in(groups(300, 30, 9), draws=5):
            assert outcome.data[0] == pytest.approx(2 / 3, abs=0.1)
            assert outcome.data[0] > outcome.draws[:, 0].max()
            assert outcome.effects[0] > 1.5 * SHARE_MARGIN


class TestLevel:
    def test_gaussian_codes_are_nowhere_among_their_null(self):
        # Under the null all 4 + 1 maps are alike, and the corrected p is the least of all, 1/5, for one cloud in five:
        # for more than 8 of 16 clouds in 0.2 % of cases.
        least = 0
        for seed in range(16):
            battery = MapBattery(points=100)
            sample = battery.sample(LatentCodes.of(RNG(seed).standard_normal((100, 4))), RNG(0))
            null = CLOUDS["covariance"]().fit(sample.points)
            figures = [
                battery.statistics(sample.like(null.draw_matched(100, RNG([seed, draw]))), None, RNG(draw))
                for draw in range(4)
            ]
            rows = np.array([list(one.values()) for one in figures])
            data = battery.statistics(sample, None, RNG(99))
            outcome = Outcome("covariance", tuple(data), np.array(list(data.values())), rows, 100, 100)
            least += outcome.p.min() < 0.21
        assert least <= 8


class TestVerdict:
    def test_more_pieces_than_any_null(self):
        verdict = MapBattery().verdict(NONE, outcomes(0.83, 0.09))
        assert (verdict.claim, verdict.holds, verdict.strength) == ("map_structure", True, "clear")
        assert verdict.says == (
            "The t-SNE map falls into more pieces than that of a smooth cloud: 83 % of the points lie outside the "
            "largest group on a map of the codes, 9 % on one of a cloud with the codes' axes and rank correlations "
            "(p = 0.01). Tested were maps of 2,000 of 60,000 codes in 150 steps, not the picture that is shown."
        )
        assert verdict.advice is None

    def test_no_more_pieces(self):
        verdict = MapBattery().verdict(NONE, outcomes(0.3, 0.3, null_sd=0.1, n=600, of=600))
        assert (verdict.holds, verdict.strength) == (False, "not seen")
        assert verdict.says.startswith(
            "The t-SNE map is not seen to fall into more pieces than that of a smooth cloud: 30 %"
        )
        assert "maps of all 600 codes in 150 steps" in verdict.says
        assert verdict.advice == "Read no clusters from the t-SNE map: a cloud without any gives such pieces too."

    def test_too_small_to_matter(self):
        verdict = MapBattery().verdict(NONE, outcomes(0.2, 0.05))
        assert (verdict.holds, verdict.strength) == (False, "narrow")
        assert "detectable, but less than 20 % of the points more, too small to matter" in verdict.says

    def test_too_few_draws(self):
        verdict = MapBattery().verdict(NONE, outcomes(0.8, 0.1, draws=9))
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert "9 null draws can never reach p = 0.01" in verdict.says
