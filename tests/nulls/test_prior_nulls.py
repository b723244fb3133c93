"""The aggregate posterior against the prior: level, power and words."""

import numpy as np
import pytest

from zscope.measures import LatentCodes
from zscope.measures.prior import PriorMeasure
from zscope.nulls.battery import run_batteries
from zscope.nulls.prior import PriorBattery

RNG = np.random.default_rng


def judged(mean, logvar=None, draws=99, seed=1, max_points=20_000):
    codes = LatentCodes.of(mean, logvar, max_points=max_points)
    battery = PriorBattery()
    sample = battery.sample(codes, RNG(seed))
    (found,) = run_batteries(sample, [battery], draws, RNG(seed))["prior"]
    verdict = battery.verdict(PriorMeasure(draws=200).measure(codes, RNG(0)), [found])
    assert verdict.claim == "prior_match"
    return dict(zip([one.name for one in found.statistics], found.data, strict=True)), found, verdict


def matching(n, d, ratio=4.0, seed=0):
    """Posteriors N(m, 1/ρ) with m ~ N(0, 1 − 1/ρ): together they are the prior."""
    mean = np.sqrt(1 - 1 / ratio) * RNG(seed).standard_normal((n, d))
    return mean, np.full((n, d), -np.log(ratio))


class TestSample:
    def test_one_draw_of_each_posterior_that_is_tested(self):
        mean, logvar = np.arange(500.0)[:, None] * [1, 0], np.full((500, 2), -8.0)
        codes = LatentCodes.of(mean, logvar, max_points=120, max_queries=30)
        sample = PriorBattery().sample(codes, RNG(0))
        assert (sample.n, sample.of, len(sample.queries)) == (120, 500, 30)
        nearest = np.round(sample.points[:, 0])
        assert len(set(nearest.tolist())) == 120
        # σ = e⁻⁴: standard error of the variance of 120 draws 13 %.
        assert np.var(sample.points[:, 0] - nearest) == pytest.approx(np.exp(-8), rel=0.6)
        assert not (np.diff(nearest) > 0).all()

    def test_of_an_autoencoder_it_is_the_shared_one(self):
        codes = LatentCodes.of(RNG(0).standard_normal((60, 2)))
        assert PriorBattery().sample(codes, RNG(0)) is codes.sample

    def test_posteriors_without_width_are_their_means(self):
        codes = LatentCodes.of(np.repeat(RNG(0).standard_normal((30, 2)), 3, axis=0), np.full((90, 2), -400.0))
        sample = PriorBattery().sample(codes, RNG(0))
        assert (sample.n, sample.duplicates, sample.of) == (30, 60, 90)

    def test_draws_beyond_float32(self):
        sample = PriorBattery().sample(LatentCodes.of(np.zeros((90, 2)), np.full((90, 2), 2000.0)), RNG(0))
        assert PriorBattery().untestable(sample) == "some draws of the posteriors are beyond float32"
        assert PriorBattery().untestable(LatentCodes.of(np.eye(2)).sample) is None


class TestVerdict:
    def test_level(self):
        # 100 matching aggregate posteriors of 9 draws each: p ≤ 0.1 in 10 ± 3; bounds at 4 sd.
        least = np.array([judged(*matching(90, 3, seed=seed), 9, seed)[1].p.min() for seed in range(100)])
        for share in (0.1, 0.2, 0.5):
            assert abs(np.mean(least <= share + 1e-9) - share) <= 4 * np.sqrt(share * (1 - share) / 100)

    def test_posteriors_that_together_are_the_prior(self):
        _, _, verdict = judged(*matching(9000, 5), draws=9)
        assert (verdict.holds, verdict.strength) == (True, "narrow")
        # ½ ln 4 on each of five axes.
        assert "the posterior draws match N(0, I), within the margin. Of the KL of 3.5 nats 3." in verdict.says
        assert "tell images apart (at most 9.1, the logarithm of 9,000 codes); the rest, 0." in verdict.says
        assert "more codes" not in verdict.says
        assert "autoencoder" not in verdict.says
        assert "the cloud normal" in verdict.advice

    @pytest.mark.parametrize(
        ("kind", "where"),
        [
            ("wide", "in the radius"),
            ("off", "along an axis"),
            ("leaning", "in mean and covariance"),
            ("curves", "in the neighbours"),
        ],
    )
    def test_what_is_planted_is_found_and_named(self, kind, where):
        mean, logvar = matching(600, 12, 2.0)
        if kind == "wide":
            mean *= 1.6
        elif kind == "off":
            mean[:, 3] += 1.5
        elif kind == "leaning":
            # Every axis and the mean square radius stay those of the prior.
            mean[:, 1::2] = 0.98 * mean[:, ::2] + np.sqrt(1 - 0.98**2) * mean[:, 1::2]
            logvar[:] = -4
            mean *= np.sqrt(2 * (1 - np.exp(-4)))
        else:
            # Eight closed curves, scaled to N(0, I)'s mean and covariance.
            ways, turns = RNG(0).standard_normal((3, 8, 12)), 2 * np.pi * RNG(1).random(600)[:, None]
            one = RNG(2).integers(8, size=600)
            mean = ways[0][one] + np.cos(turns) * ways[1][one] + np.sin(turns) * ways[2][one]
            mean = (mean - mean.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(mean.T))).T
            logvar[:] = -9
        _, found, verdict = judged(mean, logvar)
        assert (verdict.holds, found.p.min()) == (False, 0.01)
        assert f"The largest difference from N(0, I) is {where}" in verdict.says
        assert "the posterior draws do not match N(0, I)." in verdict.says
        if kind == "curves":
            assert "of which more codes would move a part to the former." in verdict.says

    def test_an_error_of_rounding_is_not_told(self):
        # Posteriors so narrow that each image is alone in its own: log n nats of each image, without error.
        mean = RNG(0).standard_normal((300, 6)).astype(np.float32)
        verdict = judged(mean, np.full_like(mean, -20))[2]
        assert "nats 5.7 (± less than 0.01) tell images apart (at most 5.7, the logarithm of 300 codes)" in verdict.says

    def test_an_autoencoder_is_told_that_nothing_asks_for_it(self):
        figures, _, verdict = judged(10 + RNG(0).standard_normal((300, 4)))
        assert verdict.holds is False
        assert figures["gaussian_accuracy"] == figures["neighbour_accuracy"] == 1
        assert verdict.says.endswith(
            ": the codes do not match N(0, I). Nothing in the training of an autoencoder asks for N(0, I)."
        )

    def test_a_tight_cloud_inside_the_prior_is_all_neighbours_to_itself_and_to_the_prior(self):
        # In many dimensions the nearest point of either cloud is one of the inner: neighbours alone see nothing.
        figures, _, verdict = judged(0.3 * RNG(0).standard_normal((400, 60)))
        assert figures["neighbour_accuracy"] == pytest.approx(0.5, abs=0.01)
        assert figures["radius_ks"] == pytest.approx(1, abs=0.01)
        assert figures["gaussian_accuracy"] == 1
        assert verdict.holds is False

    def test_no_surgery_where_it_cannot_be_computed(self):
        # Narrow beyond double precision about means that are the prior's.
        mean = RNG(0).standard_normal((200, 3))
        _, _, verdict = judged(mean, np.full((200, 3), -80.0), draws=2)
        assert "Of the KL" not in verdict.says
        assert verdict.holds is None
