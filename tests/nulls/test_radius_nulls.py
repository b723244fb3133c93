"""The radius against its null: level, power, and the verdict that follows."""

import json

import numpy as np
import pytest
from scipy.stats import ks_2samp

from zscope.clouds import CovarianceCloud
from zscope.errors import CodesError, ParameterError
from zscope.measures import LatentCodes, RadiusMeasure
from zscope.measures.base import Measurement
from zscope.measures.radius import radii
from zscope.nulls import CLAIMS, judge
from zscope.nulls.base import NullTest
from zscope.nulls.claims import CONFIDENCE, RADIUS_MARGIN
from zscope.nulls.draws import covariance_draws
from zscope.nulls.radius import (
    codes_to_decide,
    distance_margin,
    ks_distance,
    p_above,
    p_two_sided,
    radius_tests,
    radius_verdict,
)

RNG = np.random.default_rng


def gaussian(n, d, seed=0):
    rng = RNG(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)).astype(np.float32)


def gamma_axes(n, d, seed=0):
    return (RNG(seed).gamma(3, size=(n, d)) - 3) / np.sqrt(3)


def judged(mean, **settings):
    codes = LatentCodes.of(mean)
    found = {"radius": RadiusMeasure().measure(codes, RNG(0))}
    return judge(codes, found, RNG(1), **settings)["radius"]


class TestDraws:
    def test_share_the_moments_of_the_codes(self):
        codes = gaussian(300, 4)
        for cloud in covariance_draws(codes, lambda cloud: cloud, 3, RNG(0)):
            assert cloud.shape == codes.shape
            assert np.allclose(np.cov(cloud.T), np.cov(codes.T), atol=1e-4)

    def test_a_draw_is_the_same_however_many_there_are(self):
        codes = gaussian(100, 3)
        few = covariance_draws(codes, lambda cloud: cloud, 2, RNG(5))
        many = covariance_draws(codes, lambda cloud: cloud, 4, RNG(5))
        assert np.array_equal(few[1], many[1])
        assert not np.array_equal(many[1], many[2])

    def test_progress(self):
        told = []
        covariance_draws(
            gaussian(50, 2), len, 3, RNG(0), lambda what, done, total, **figures: told.append((done, total))
        )
        assert told == [(1, 3), (2, 3), (3, 3)]

    def test_bounds(self):
        with pytest.raises(ParameterError, match="draws must be at least 1, got 0"):
            covariance_draws(gaussian(50, 2), len, 0, RNG(0))
        with pytest.raises(CodesError, match="more points than the 8 dimensions, got 8"):
            covariance_draws(gaussian(8, 8), len, 1, RNG(0))


class TestStatistics:
    @pytest.mark.parametrize("ties", [False, True])
    def test_distance_against_scipy(self, ties):
        rng = RNG(0)
        for _ in range(20):
            sample, pool = np.sort(rng.normal(0.3, 1, 70)), np.sort(rng.normal(0, 1.2, 300))
            if ties:
                sample, pool = np.round(sample, 1), np.round(pool, 1)
            assert ks_distance(sample, pool) == pytest.approx(ks_2samp(sample, pool).statistic, abs=1e-12)

    def test_distance_with_the_own_values_left_out(self):
        rows = np.round(RNG(0).standard_normal((5, 40)), 1)
        rows.sort(axis=1)
        pool = np.sort(rows, axis=None)
        for index, row in enumerate(rows):
            expected = ks_2samp(row, np.delete(rows, index, axis=0).ravel()).statistic
            assert ks_distance(row, pool, row) == pytest.approx(expected, abs=1e-12)

    def test_margin_holds_as_often_as_it_says(self):
        # Two samples of one distribution: further apart than the margin in at most 1 % of cases; here in none of 500,
        # since the bound for either sample is used up at once only rarely.
        rng = RNG(0)
        margin = distance_margin(200, 400, 0.99)
        apart = [ks_distance(np.sort(rng.random(200)), np.sort(rng.random(400))) for _ in range(500)]
        assert np.mean(np.array(apart) > margin) <= 0.01
        assert margin == pytest.approx(np.sqrt(np.log(400) / 400) + np.sqrt(np.log(400) / 800))

    def test_p_values(self):
        null = np.arange(99.0)
        assert p_above(1000, null) == 0.01
        assert p_above(98, null) == 0.02
        assert p_above(-1, null) == 1
        assert p_two_sided(1000, null) == p_two_sided(-1000, null) == 0.02
        assert p_two_sided(49, null) == 1

    def test_level(self):
        # 200 Gaussian clouds: p is uniform on 0.05, 0.1 … 1, so that under 0.1 there are 20 ± 4.2; bounds at 4 sd.
        p = []
        for seed in range(200):
            codes = LatentCodes.of(gaussian(150, 4, seed))
            tests = radius_tests(codes, 0.5, RNG(1000 + seed), draws=19)
            p.append([test.p for test in tests])
        ks, sd, peak = np.transpose(p)
        for share in (0.1, 0.25, 0.5):
            for found in (ks, sd, peak):
                assert abs(np.mean(found <= share + 1e-9) - share) <= 4 * np.sqrt(share * (1 - share) / 200)
        assert np.mean(ks) == pytest.approx(0.525, abs=0.08)

    def test_tests_tell_what_they_used(self):
        codes = LatentCodes.of(gaussian(500, 3))
        ks, sd, peak = radius_tests(codes, 0.5, RNG(0), draws=9, max_points=200)
        assert [test.statistic for test in (ks, sd, peak)] == ["radius_ks", "radius_sd", "radius_peak"]
        assert all((test.n, test.of, test.draws, test.null) == (200, 500, 9, "covariance") for test in (ks, sd, peak))
        assert ks.value == ks.effect
        assert sd.effect == pytest.approx(sd.value / sd.null_mean)
        assert peak.effect == pytest.approx(peak.value - peak.null_mean)
        json.dumps([test.as_json() for test in (ks, sd, peak)], allow_nan=False)

    def test_band_holds_the_codes_of_a_gaussian(self):
        codes = LatentCodes.of(gaussian(5000, 6))
        measured = RadiusMeasure().measure(codes, RNG(0)).values
        interval = measured["interval"]
        band = radius_tests(codes, interval, RNG(0), max_points=2000)[0].band
        edges = np.array(band["edges"])
        assert sum(band["mean"]) == pytest.approx(5000)
        assert len(edges) == len(band["mean"]) + 1 == len(band["low"]) + 1 == len(band["high"]) + 1
        assert np.allclose(np.diff(edges), interval)
        counts = np.histogram(radii(codes.mean), edges)[0]
        inside = (counts >= band["low"]) & (counts <= band["high"])
        assert inside.mean() > 0.9
        expected = np.histogram(radii(CovarianceCloud().fit(codes.mean).draw(200_000, RNG(3))), edges)[0] / 40
        assert np.allclose(band["mean"], expected, atol=5 * np.sqrt(expected.max() / 40) + 8)


class TestVerdict:
    def test_gaussian_is_explained(self):
        tests, verdict = judged(gaussian(20_000, 12), draws=99)
        assert verdict.claim == "radius_explained"
        assert verdict.holds is True
        assert tests[0].p > 0.01
        assert "20,000 codes" in verdict.says
        assert "mean and covariance explain it" in verdict.says

    def test_hollow_shell_is_not(self):
        shell = RNG(0).standard_normal((3000, 5))
        shell /= np.linalg.norm(shell, axis=1)[:, None] / (1 + 0.05 * RNG(1).standard_normal((3000, 1)))
        tests, verdict = judged(shell)
        assert (verdict.holds, verdict.strength) == (False, "clear")
        assert tests[0].p == 0.01
        assert tests[1].effect < 0.3

    @pytest.mark.parametrize("planted", ["gamma", "student"])
    def test_other_axes_are_not(self, planted):
        mean = gamma_axes(4000, 32) if planted == "gamma" else RNG(0).standard_t(8, size=(4000, 32))
        tests, verdict = judged(mean)
        assert verdict.holds is False
        assert tests[0].p == 0.01
        assert tests[0].effect > RADIUS_MARGIN

    def test_the_reason_of_the_margin(self):
        # Radii of gamma(3) axes in 256 dimensions: spread 1.41 times, distance 0.09 (standard errors 0.01 and 0.005).
        tests, _ = judged(gamma_axes(6000, 256), draws=4)
        assert tests[1].effect == pytest.approx(1.41, abs=0.04)
        assert tests[0].effect == pytest.approx(0.09, abs=0.015)
        assert "0.09" in CLAIMS["radius_explained"].reason

    def test_few_codes_decide_nothing(self):
        tests, verdict = judged(gaussian(300, 4))
        assert tests[0].p > 0.01
        assert (verdict.holds, verdict.strength) == (None, "undecided")
        assert "cannot be excluded; to decide it takes about 2," in verdict.says
        assert "with 99 % confidence (margin 5 %, p = " in verdict.says

    def test_of_a_vae_it_is_the_radius_of_the_means(self):
        codes = LatentCodes.of(gaussian(100, 3), np.zeros((100, 3)))
        found = {"radius": RadiusMeasure().measure(codes, RNG(0))}
        says = judge(codes, found, RNG(1), draws=2)["radius"][1].says
        assert says.startswith("The radius of the posterior means peaks at ")

    def test_how_many_codes_it_takes(self):
        # Below: the bound is above the margin even for Gaussian codes. Twice as many: it is below.
        takes = codes_to_decide(judged(gaussian(800, 6))[0][0], distance_margin(800, 800 * 99, CONFIDENCE))
        assert takes == pytest.approx(2800, abs=300)
        assert f"about {2800:,} codes" in CLAIMS["radius_explained"].reason
        assert judged(gaussian(2000, 6))[1].holds is None
        assert judged(gaussian(2 * takes, 6))[1].holds is True

    def test_says_the_peak_that_the_measure_and_its_figure_say(self):
        codes = LatentCodes.of(gaussian(400, 3))
        found = RadiusMeasure().measure(codes, RNG(0))
        says = judge(codes, {"radius": found}, RNG(1), draws=9)["radius"][1].says
        predicted = found.values["moments"]["peak"]
        assert says.startswith("The radius of the codes peaks at ")
        assert f"peaks at {found.values['peak']:.4g}, where mean and covariance alone put it at {predicted:.4g}" in says

    @pytest.mark.parametrize(
        ("mean", "says"),
        [
            (gaussian(49, 2), "49 codes in 2 dimensions are too few, it takes 50"),
            (gaussian(100, 60), "100 codes in 60 dimensions are too few, it takes 120"),
            (np.ones((100, 3)), "all codes are the same point"),
        ],
    )
    def test_not_testable(self, mean, says):
        tests, verdict = judged(mean)
        assert tests == []
        assert (verdict.holds, verdict.strength) == (None, "not testable")
        assert says in verdict.says

    @pytest.mark.parametrize(
        ("effect", "p", "n", "draws", "holds", "strength", "says"),
        [
            (0.004, 0.5, 20_000, 99, True, "clear", "explain it"),
            (0.030, 0.01, 20_000, 99, True, "narrow", "explain it"),
            (0.045, 0.01, 20_000, 99, None, "undecided", "may be under the margin or above"),
            (0.055, 0.01, 20_000, 99, False, "narrow", "do not explain it"),
            (0.200, 0.01, 20_000, 99, False, "clear", "do not explain it"),
            (0.060, 0.20, 300, 99, None, "undecided", "cannot be excluded; to decide it takes about 1,500 codes"),
            (0.045, 0.20, 9000, 99, None, "undecided", "cannot be excluded; more codes would decide it"),
            (0.004, 0.50, 20_000, 99, True, "clear", "at most 1.7 % with 99 % confidence (margin 5 %, p = 0.5"),
            (0.200, 0.05, 20_000, 19, None, "undecided", "19 null draws can never reach p = 0.01"),
        ],
    )
    def test_rules(self, effect, p, n, draws, holds, strength, says):
        common = {"null": "covariance", "null_mean": 0.0, "null_sd": 0.0, "draws": draws, "n": n, "of": n}
        tests = [
            NullTest(statistic="radius_ks", value=effect, p=p, effect=effect, **common),
            NullTest(statistic="radius_sd", value=1.0, p=1.0, effect=1.0, **common),
            NullTest(statistic="radius_peak", value=1.0, p=1.0, effect=0.0, **common),
        ]
        verdict = radius_verdict(Measurement("radius", {"peak": 16.5, "moments": {"peak": 16.4}}), tests)
        assert (verdict.holds, verdict.strength) == (holds, strength)
        assert says in verdict.says
        assert (verdict.advice is None) == (holds is None)
        assert "every Gaussian cloud" not in str(verdict.advice)

    def test_scale_decides_nothing(self):
        mean = gamma_axes(600, 4)
        plain, tiny = judged(mean, draws=19)[0], judged(1e-5 * mean, draws=19)[0]
        assert plain[0].value == pytest.approx(tiny[0].value, abs=2e-3)
        assert plain[1].effect == pytest.approx(tiny[1].effect, rel=1e-4)
