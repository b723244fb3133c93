"""KL, log-variances and active axes: closed forms of linear models."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.datasets import load_digits

from zscope.errors import CodesError
from zscope.measures.activity import ActivityMeasure
from zscope.measures.base import LatentCodes
from zscope.measures.kl import DivergenceMeasure, kl_sums, kl_to_standard_normal, posteriors
from zscope.measures.logvar import LogVarianceMeasure, sampled_codes
from zscope.measures.radius import radii

RNG = np.random.default_rng


def linear_vae_on_digits(noise=0.05, beta=1.0):
    """Posterior of the optimal linear VAE on digits / 16 (Lucas et al. 2019), in its principal axes; spectrum too."""
    images = load_digits().data / 16
    centred = images - images.mean(0)
    spectrum, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    spectrum, directions = np.maximum(spectrum[::-1], 0), directions[:, ::-1]
    active = spectrum > beta * noise
    ratio = np.where(active, spectrum / (beta * noise), 1.0)
    # z_i | x ~ N(sqrt(1 − 1/ratio) x_i / sqrt(λ_i), 1/ratio), which is the prior on a collapsed axis.
    scale = np.where(active, np.sqrt(1 - 1 / ratio), 0) / np.sqrt(np.where(active, spectrum, 1))
    mean = centred @ directions * scale
    return LatentCodes.of(mean, np.broadcast_to(-np.log(ratio), mean.shape)), ratio


class TestDivergence:
    @pytest.mark.parametrize(("mean", "sd"), [(0, 1), (1.5, 0.3), (-2, 1.8), (0.01, 0.999)])
    def test_against_integration(self, mean, sd):
        def integrand(z):
            return norm.pdf(z, mean, sd) * (norm.logpdf(z, mean, sd) - norm.logpdf(z))

        expected = quad(integrand, mean - 12 * sd, mean + 12 * sd, epsabs=1e-13, limit=200)[0]
        assert kl_to_standard_normal(np.array(mean), np.array(2 * np.log(sd))) == pytest.approx(expected, abs=1e-10)

    def test_linear_vae_on_digits(self):
        codes, ratio = linear_vae_on_digits()
        values = DivergenceMeasure().measure(codes, RNG(0)).values
        assert np.allclose(values["per_axis"], 0.5 * np.log(ratio), atol=1e-6)
        assert values["total"] == pytest.approx(10.65, abs=0.005)

    def test_per_point_adds_up_to_the_total(self):
        codes = LatentCodes.of(RNG(0).standard_normal((9000, 3)), RNG(1).standard_normal((9000, 3)))
        found = DivergenceMeasure().measure(codes, RNG(0))
        assert found.points["kl"].mean(dtype=np.float64) == pytest.approx(found.values["total"], rel=1e-6)
        per_axis, per_point = kl_sums(codes.mean, codes.logvar)
        assert per_axis.sum() == pytest.approx(per_point.mean())

    def test_tiny_weight_arithmetic(self):
        # ½ (|z|² + Σσ² − 256 + 256 · 13.683) nats, weighted by 1e-5, was printed as 0.0178 by the published run.
        mean = np.full((1, 256), 16.28 / 16)
        values = DivergenceMeasure().measure(LatentCodes.of(mean, np.full((1, 256), -13.683)), RNG(0)).values
        assert 0.0175 < 1e-5 * values["total"] < 0.0178

    def test_beyond_double_precision_is_none(self):
        found = DivergenceMeasure().measure(LatentCodes.of(np.zeros((2, 1)), [[2000.0], [0.0]]), RNG(0))
        assert found.values["total"] is None
        assert np.isnan(found.points["kl"][0])
        assert found.points["kl"][1] == 0

    def test_autoencoder(self):
        with pytest.raises(CodesError, match="no log-variances"):
            posteriors(LatentCodes.of(np.zeros((2, 2))))


class TestLogVariance:
    def test_table_against_plain_sums(self):
        mean, logvar = RNG(0).standard_normal((20_000, 6)) * 2, RNG(1).normal(-6, 2, (20_000, 6))
        codes = LatentCodes.of(mean, logvar)
        values = LogVarianceMeasure().measure(codes, RNG(3)).values
        assert values["logvar"]["max"] == pytest.approx(logvar.max(), rel=1e-6)
        assert values["logvar"]["min"] == pytest.approx(logvar.min(), rel=1e-6)
        assert values["logvar"]["mean"] == pytest.approx(logvar.mean(), rel=1e-6)
        assert values["logvar"]["components"] == 120_000
        assert values["logvar"]["above"] == {"bound": -3.0, "count": int((codes.logvar > -3).sum())}
        drawn_once = RNG(3)
        parts = [slice(0, 8192), slice(8192, 16384), slice(16384, 20_000)]
        drawn = np.concatenate([sampled_codes(codes.mean[p], codes.logvar[p], drawn_once, 5) for p in parts])
        moved = np.abs(drawn - codes.mean)
        assert values["shift"]["max"] == pytest.approx(moved.max())
        assert values["shift"]["above"]["count"] == (moved > 0.05).sum()
        apart = np.abs(radii(drawn) - radii(codes.mean))
        assert values["difference"]["mean"] == pytest.approx(apart.mean())
        assert values["difference"]["max_relative"] == pytest.approx((apart / radii(codes.mean)).max())
        assert values["radius_of_mean"]["mean"] == pytest.approx(radii(mean).mean(), rel=1e-6)
        assert values["radius_of_draw"]["max"] == pytest.approx(radii(drawn).max())

    def test_draws_have_the_posterior_variance_and_are_clipped(self):
        # 200,000 draws: standard error of the variance 0.3 %.
        drawn = sampled_codes(np.full((200_000, 1), 2.0), np.full((200_000, 1), np.log(0.25)), RNG(0), 5)
        assert drawn.mean() == pytest.approx(2, abs=0.006)
        assert drawn.var() == pytest.approx(0.25, rel=0.016)
        clipped = sampled_codes(np.zeros((1000, 1)), np.zeros((1000, 1)), RNG(0), 0.5)
        assert np.abs(clipped).max() == 0.5

    def test_noise_of_the_model(self):
        wide = np.zeros((100_000, 1)), np.zeros((100_000, 1))
        half = sampled_codes(*wide, RNG(0), None, 0.5)
        assert half.var() == pytest.approx(0.25, rel=0.016)
        assert np.abs(half).max() > 0.5 * 4
        clipped = LogVarianceMeasure(clip=1.0, factor=0.5).measure(LatentCodes.of(*wide), RNG(0)).values
        assert clipped["shift"]["max"] == 0.5
        still = LogVarianceMeasure(factor=0.0).measure(LatentCodes.of(np.ones((9, 4)), np.zeros((9, 4))), RNG(0)).values
        assert still["radius_of_draw"] == {"max": 2, "min": 2, "mean": 2, "sd": 0}
        assert (still["clip"], still["factor"]) == (5, 0)

    def test_spread_of_the_drawn_radius(self):
        # χ_256: standard deviation 0.7068, known from 20,000 draws to half a percent.
        codes = LatentCodes.of(np.zeros((20_000, 256)), np.zeros((20_000, 256)))
        found = LogVarianceMeasure().measure(codes, RNG(0)).values["radius_of_draw"]
        assert found["sd"] == pytest.approx(0.7068, rel=0.02)

    def test_radius_zero_has_no_relative_difference(self):
        values = LogVarianceMeasure().measure(LatentCodes.of(np.zeros((3, 2)), np.zeros((3, 2))), RNG(0)).values
        assert values["difference"]["max_relative"] is None
        assert values["difference"]["max"] > 0


class TestActivity:
    def test_linear_vae_on_digits(self):
        codes, ratio = linear_vae_on_digits()
        values = ActivityMeasure().measure(codes, RNG(0)).values
        assert values["active"] == values["active_by_variance"] == values["active_by_kl"] == 18
        assert values["dimension"] == 64
        assert values["collapsed_axes"] == np.flatnonzero(ratio == 1).tolist()
        assert np.allclose(values["variance"], 1 - 1 / ratio, atol=1e-3)

    def test_where_variance_and_kl_disagree(self):
        # Axis 1 moves by a variance of 0.012 with a KL of half of that; axis 2 has KL without moving.
        mean = np.stack([2 * np.tile([1.0, -1], 500), np.sqrt(0.012) * np.tile([1.0, -1], 500), np.zeros(1000)], axis=1)
        codes = LatentCodes.of(mean, np.tile([-2.0, 0.0, -1.0], (1000, 1)))
        values = ActivityMeasure().measure(codes, RNG(0)).values
        assert (values["active"], values["active_by_variance"], values["active_by_kl"]) == (1, 2, 2)
        assert values["disagree"] == [1, 2]
        assert values["collapsed_axes"] == [1, 2]

    @pytest.mark.parametrize("factor", [1e-4, 1, 1e4])
    def test_autoencoder_at_any_scale(self, factor):
        mean = RNG(0).standard_normal((500, 40))
        mean[:, 7] *= 1e-3
        mean[:, 9] = 4
        mean[:, 11] *= 10
        values = ActivityMeasure().measure(LatentCodes.of(factor * mean), RNG(0)).values
        assert values["collapsed_axes"] == [7, 9]
        assert values["active"] == 38
        assert values["log10_variance"][9] is None
        assert values["log10_variance"][11] == pytest.approx(2 + 2 * np.log10(factor), abs=0.1)

    def test_nothing_moves(self):
        assert ActivityMeasure().measure(LatentCodes.of(np.ones((4, 3))), RNG(0)).values["active"] == 0
