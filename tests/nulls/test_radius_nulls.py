"""The radius against its nulls: level, power, the band of its figure, and the verdict that follows."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from zscope.clouds import CovarianceCloud
from zscope.measures import LatentCodes, RadiusMeasure
from zscope.measures.base import Measurement
from zscope.measures.radius import radii
from zscope.nulls import CLAIMS
from zscope.nulls.agreement import codes_to_decide, distance_bound
from zscope.nulls.battery import NullSide, Pilots, run_batteries
from zscope.nulls.claims import RADIUS_MARGIN
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.radius import RadiusBattery, ks_distance, radius_band, radius_verdict

RNG = np.random.default_rng


def gaussian(n, d, seed=0):
    rng = RNG(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)).astype(np.float32)


def gamma_axes(n, d, seed=0):
    return (RNG(seed).gamma(3, size=(n, d)) - 3) / np.sqrt(3)


class OnlyCovariance(RadiusBattery):
    """Without the null that decides nothing."""

    def nulls(self, sample):
        return ("covariance",)


def outcomes_of(mean, draws=99, battery=None, seed=1, **settings):
    codes = LatentCodes.of(mean, **settings)
    return codes, run_batteries(codes.sample, [battery or OnlyCovariance()], draws, RNG(seed))["radius"]


def judged(mean, draws=99, **settings):
    codes, outcomes = outcomes_of(mean, draws, **settings)
    return outcomes[0], OnlyCovariance().verdict(RadiusMeasure().measure(codes, RNG(0)), outcomes)


def figures(outcome):
    return dict(zip([one.name for one in outcome.statistics], outcome.data, strict=True))


class TestStatistics:
    @pytest.mark.parametrize("ties", [False, True])
    def test_distance_against_scipy(self, ties):
        rng = RNG(0)
        for _ in range(20):
            sample, pool = np.sort(rng.normal(0.3, 1, 70)), np.sort(rng.normal(0, 1.2, 300))
            if ties:
                sample, pool = np.round(sample, 1), np.round(pool, 1)
            assert ks_distance(sample, pool) == pytest.approx(ks_2samp(sample, pool).statistic, abs=1e-12)

    def test_level(self):
        # 150 Gaussian clouds and 9 draws: p is uniform on 0.1 … 1 under either null of independent axes. At 4 sd.
        least = []
        for seed in range(150):
            _, outcomes = outcomes_of(RNG(seed).standard_normal((100, 4)) * [1, 2, 3, 4], 9, RadiusBattery(), seed)
            least.append([outcome.p.min() for outcome in outcomes])
        for column in np.transpose(least):
            for share in (0.1, 0.2, 0.5):
                assert abs(np.mean(column <= share + 1e-9) - share) <= 4 * np.sqrt(share * (1 - share) / 150)

    def test_permuted_axes_lose_what_the_covariance_keeps(self):
        # Two equal axes: the radius spreads √2 times as much as that of independent ones, R² = 2 x² against x² + y².
        one = RNG(0).standard_normal((2000, 1))
        _, (covariance, permuted) = outcomes_of(np.repeat(one, 2, axis=1), 19, RadiusBattery())
        assert (covariance.null, permuted.null) == ("covariance", "permuted")
        assert covariance.effects[1] == pytest.approx(1, abs=0.03)
        # sd of √2 |x| over sd of Rayleigh's R.
        assert permuted.effects[1] == pytest.approx(np.sqrt(2 * (1 - 2 / np.pi)) / np.sqrt(2 - np.pi / 2), rel=0.05)
        assert permuted.p[0] == 0.05
        assert figures(permuted)["radius_ks"] > 0.1

    def test_one_axis_has_nothing_to_permute(self):
        assert RadiusBattery().nulls(LatentCodes.of(gaussian(60, 1)).sample) == ("covariance",)

    def test_figures_of_the_codes(self):
        mean = gaussian(500, 3)
        _, (found,) = outcomes_of(mean, 3)
        lengths = radii(mean)
        assert figures(found)["radius_sd"] == pytest.approx(lengths.std())
        assert [one.decides for one in found.statistics] == [True, False, False]
        assert found.effects[1] == pytest.approx(lengths.std() / found.draws[:, 1].mean())
        assert found.draws[:, 0].mean() < 0.06


class TestBand:
    def test_holds_further_draws_as_often_as_it_says(self):
        # 1 … 99 % in every interval: 40 draws of 300 from a law known by 400,000, some 25 intervals each.
        rng = RNG(0)
        law = np.sqrt(rng.chisquare(5, 400_000))
        edges = np.arange(0.0, 5.2, 0.2)
        band = radius_band(law, edges, 300, 300)
        inside = []
        for _ in range(40):
            counts = np.histogram(np.sqrt(rng.chisquare(5, 300)), band["edges"])[0]
            inside.append((counts >= band["low"]) & (counts <= band["high"]))
        assert np.mean(inside) >= 0.98
        assert np.mean(band["high"]) < 3 * np.mean(band["mean"])

    def test_is_scaled_to_all_codes_on_their_own_intervals(self):
        codes = LatentCodes.of(gaussian(5000, 6), max_points=1000)
        battery = RadiusBattery()
        found = RadiusMeasure().measure(codes, RNG(0))
        (covariance, permuted) = run_batteries(codes.sample, [battery], 3, RNG(1))["radius"]
        pool = np.concatenate([radii(gaussian(1000, 6)) for _ in range(3)])

        prepared = SimpleNamespace(pool=pool)
        tests = battery.tests(found, covariance, prepared)
        assert [test.statistic for test in tests] == ["radius_ks", "radius_sd", "radius_peak"]
        band = tests[0].band
        assert tests[1].band is tests[2].band is None
        assert all(test.band is None for test in battery.tests(found, permuted, prepared))
        assert sum(band["mean"]) == pytest.approx(5000)
        interval = found.values["interval"]
        assert np.allclose(np.diff(band["edges"]), interval)
        assert np.allclose(np.array(band["edges"]) / interval, np.round(np.array(band["edges"]) / interval))
        own = found.values["intervals"][f"{interval:g}"]["edges"]
        assert band["edges"][0] <= own[0]
        assert band["edges"][-1] >= own[-1]
        assert len(band["edges"]) == len(band["mean"]) + 1 == len(band["low"]) + 1 == len(band["high"]) + 1
        json.dumps([test.as_json() for test in tests], allow_nan=False)

    def test_codes_on_a_thin_shell_make_no_endless_band(self):
        band = radius_band(np.sqrt(RNG(0).chisquare(5, 1000)), np.array([1.0, 1.0 + 1e-7, 1.0 + 2e-7]), 100, 100)
        assert len(band["mean"]) <= 402

    def test_mean_is_what_the_engine_draws(self):
        codes = LatentCodes.of(gaussian(3000, 6))
        cloud = CovarianceCloud().fit(codes.sample.points)
        reference = codes.sample.like(cloud.draw_matched(codes.sample.n, RNG(0)))
        battery = RadiusBattery()
        side = NullSide("covariance", cloud, reference, Pilots(codes.sample, cloud, battery.pilots, 1))
        prepared = battery.prepare(codes.sample, side)
        assert len(prepared.pool) == 20 * codes.sample.n
        values = RadiusMeasure().measure(codes, RNG(0)).values
        band = radius_band(prepared.pool, np.array(values["intervals"][f"{values['interval']:g}"]["edges"]), 3000, 3000)
        counts = np.histogram(radii(codes.mean), band["edges"])[0]
        inside = (counts >= band["low"]) & (counts <= band["high"])
        assert inside.mean() > 0.9
        expected = np.histogram(radii(cloud.draw(300_000, RNG(3))), band["edges"])[0] / 100
        assert np.allclose(band["mean"], expected, atol=5 * np.sqrt(expected.max() / 20) + 2)


class TestVerdict:
    def test_gaussian_is_explained(self):
        found, verdict = judged(gaussian(20_000, 12), draws=9)
        assert verdict.claim == "radius_explained"
        assert (verdict.holds, verdict.strength) == (True, "clear")
        assert found.p[0] > 0.01
        assert "20,000 codes" in verdict.says
        assert "mean and covariance explain it" in verdict.says

    def test_hollow_shell_is_not(self):
        shell = RNG(0).standard_normal((3000, 5))
        shell /= np.linalg.norm(shell, axis=1)[:, None] / (1 + 0.05 * RNG(1).standard_normal((3000, 1)))
        found, verdict = judged(shell)
        assert (verdict.holds, verdict.strength) == (False, "clear")
        assert found.p[0] == 0.01
        assert found.effects[1] < 0.3

    @pytest.mark.parametrize("planted", ["gamma", "student"])
    def test_other_axes_are_not(self, planted):
        mean = gamma_axes(10_000, 32) if planted == "gamma" else RNG(0).standard_t(8, size=(10_000, 32))
        found, verdict = judged(mean)
        assert verdict.holds is False
        assert found.p[0] == 0.01
        assert found.data[0] > RADIUS_MARGIN

    def test_the_reason_of_the_margin(self):
        # Radii of gamma(3) axes in 256 dimensions: spread 1.41 times, distance 0.09 (standard errors 0.01 and 0.005).
        found, _ = judged(gamma_axes(6000, 256), draws=2)
        assert found.effects[1] == pytest.approx(1.41, abs=0.04)
        assert found.data[0] == pytest.approx(0.09, abs=0.015)
        assert "0.09" in CLAIMS["radius_explained"].reason

    def test_few_codes_decide_nothing(self):
        found, verdict = judged(gaussian(300, 4))
        assert found.p[0] > 0.01
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert "cannot be excluded; to decide it takes about 3," in verdict.says
        assert "with 99 % confidence (margin 5 %, p = " in verdict.says

    def test_of_a_vae_it_is_the_radius_of_the_means(self):
        codes = LatentCodes.of(gaussian(100, 3), np.zeros((100, 3)))
        outcomes = run_batteries(codes.sample, [OnlyCovariance()], 2, RNG(1))["radius"]
        verdict = OnlyCovariance().verdict(RadiusMeasure().measure(codes, RNG(0)), outcomes)
        assert verdict.says.startswith("The radius of the posterior means peaks at ")

    def test_how_many_codes_it_takes(self):
        # Below: the bound is above the margin even for Gaussian codes. Twice as many: it is below.
        found, _ = judged(gaussian(800, 6), 29)
        takes = codes_to_decide([distance_bound(found, "radius_ks", 20 * 800)], RADIUS_MARGIN, 800)
        assert takes == pytest.approx(3300, abs=300)
        assert judged(gaussian(2000, 6), 9)[1].holds is None
        assert judged(gaussian(2 * takes, 6), 9)[1].holds is True

    def test_says_the_peak_that_the_measure_and_its_figure_say(self):
        codes, outcomes = outcomes_of(gaussian(400, 3), 9)
        found = RadiusMeasure().measure(codes, RNG(0))
        says = OnlyCovariance().verdict(found, outcomes).says
        predicted = found.values["moments"]["peak"]
        assert says.startswith("The radius of the codes peaks at ")
        assert f"peaks at {found.values['peak']:.4g}, where mean and covariance alone put it at {predicted:.4g}" in says

    @pytest.mark.parametrize(
        ("distance", "chance", "n", "draws", "holds", "strength", "says"),
        [
            (0.004, 0.005, 20_000, 99, True, "clear", "explain it"),
            (0.030, 0.005, 20_000, 99, True, "narrow", "explain it"),
            (0.045, 0.005, 20_000, 99, None, "undecided", "may be under the margin or above"),
            (0.062, 0.005, 20_000, 99, None, "undecided", "may be under the margin or above"),
            (0.068, 0.005, 20_000, 99, False, "narrow", "do not explain it"),
            (0.200, 0.005, 20_000, 99, False, "clear", "do not explain it"),
            (0.060, 0.070, 300, 99, None, "undecided", "cannot be excluded; to decide it takes about 4,500 codes"),
            (0.045, 0.046, 9000, 99, None, "undecided", "cannot be excluded; to decide it takes about 16,900 codes"),
            (0.004, 0.005, 20_000, 99, True, "clear", "at most 1.9 % with 99 % confidence (margin 5 %, p = "),
            (0.200, 0.005, 20_000, 19, None, "undecided", "19 null draws can never reach p = 0.01"),
        ],
    )
    def test_rules(self, distance, chance, n, draws, holds, strength, says):
        # Draws about their mean; the codes' own spread and peak are ordinary.
        ordinary = np.linspace(-1, 1, draws)[:, None] * [0.1 * chance, 0.01, 0.01] + [chance, 1.0, 16.0]
        statistics = (
            Statistic("radius_ks"),
            Statistic("radius_sd", "both", "ratio", decides=False),
            Statistic("radius_peak", "both", decides=False),
        )
        made = Outcome("covariance", statistics, np.array([distance, 1.0, 16.0]), ordinary, n, n)
        values = {"of": "codes", "peak": 16.5, "moments": {"peak": 16.4}}
        verdict = radius_verdict(Measurement("radius", values), made)
        assert (verdict.holds, verdict.strength) == (holds, strength)
        assert says in verdict.says
        assert (verdict.advice is None) == (holds is None)

    def test_scale_decides_nothing(self):
        mean = gamma_axes(600, 4)
        plain, tiny = judged(mean, draws=9)[0], judged(1e-5 * mean, draws=9)[0]
        assert plain.data[0] == pytest.approx(tiny.data[0], abs=2e-3)
        assert plain.effects[1] == pytest.approx(tiny.effects[1], rel=1e-4)
