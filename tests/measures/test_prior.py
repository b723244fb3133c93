"""ELBO surgery: closed forms of linear models, and plain sums."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_digits

from zscope.measures.base import LatentCodes
from zscope.measures.kl import kl_to_standard_normal
from zscope.measures.prior import PriorMeasure, aggregate_moments, gaussian_divergence, log_ratios

RNG = np.random.default_rng


def linear_vae(ratio, n=8000, seed=0):
    """Posteriors of a linear VAE on Gaussian data: z | x ~ N(m, 1/ρ) with m ~ N(0, 1 − 1/ρ), so that q(z) = N(0, I)."""
    ratio = np.asarray(ratio, dtype=float)
    mean = np.sqrt(1 - 1 / ratio) * RNG(seed).standard_normal((n, len(ratio)))
    return LatentCodes.of(mean, np.broadcast_to(-np.log(ratio), mean.shape))


def linear_vae_on_digits(noise=0.05):
    """The optimal linear VAE on digits / 16 (Lucas et al. 2019), in its principal axes."""
    images = load_digits().data / 16
    centred = images - images.mean(0)
    spectrum, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    ratio = np.maximum(spectrum / noise, 1.0)
    scale = np.sqrt((1 - 1 / ratio) / np.maximum(spectrum, 1e-12))
    mean = centred @ directions * scale
    return LatentCodes.of(mean, np.broadcast_to(-np.log(ratio), mean.shape))


def measured(codes, **settings):
    return PriorMeasure(**settings).measure(codes, RNG(0)).values


class TestMoments:
    def test_of_draws(self):
        mean, logvar = RNG(0).standard_normal((300, 3)) + 1, RNG(1).normal(-1, 1, (300, 3))
        found, covariance = aggregate_moments(LatentCodes.of(mean, logvar))
        assert found == pytest.approx(mean.mean(0), abs=1e-6)
        assert covariance == pytest.approx(np.cov(mean.T, ddof=0) + np.diag(np.exp(logvar).mean(0)), abs=1e-5)

    def test_of_codes(self):
        codes = RNG(0).standard_normal((50, 2))
        assert aggregate_moments(LatentCodes.of(codes))[1] == pytest.approx(np.cov(codes.T, ddof=0), abs=1e-6)

    def test_divergence_of_independent_axes_is_their_sum(self):
        mean, variance = np.array([0.3, -1.0]), np.array([0.5, 2.0])
        expected = kl_to_standard_normal(mean, np.log(variance)).sum()
        assert gaussian_divergence(mean, np.diag(variance)) == pytest.approx(expected)
        turn = np.linalg.qr(RNG(0).standard_normal((2, 2)))[0]
        assert gaussian_divergence(turn @ mean, turn @ np.diag(variance) @ turn.T) == pytest.approx(expected)

    def test_divergence_by_draws(self):
        covariance = np.array([[2.0, 0.6], [0.6, 0.7]])
        draws = RNG(0).multivariate_normal([0.5, 0], covariance, 100_000)
        ratios = multivariate_normal([0.5, 0], covariance).logpdf(draws) - norm.logpdf(draws).sum(1)
        found = gaussian_divergence(np.array([0.5, 0]), covariance)
        assert found == pytest.approx(ratios.mean(), abs=4 * ratios.std() / np.sqrt(100_000))

    def test_no_divergence_without_a_density(self):
        assert gaussian_divergence(np.zeros(2), np.diag([1.0, 0.0])) == np.inf
        assert gaussian_divergence(np.zeros(2), np.diag([1.0, np.inf])) == np.inf


class TestLogRatios:
    @pytest.mark.parametrize(("n", "d", "centre"), [(40, 3, 0.0), (40, 3, 50.0), (2300, 2, 0.0)])
    def test_against_plain_sums(self, n, d, centre):
        # 2,300 posteriors are more than one block.
        mean = (centre + RNG(0).standard_normal((n, d))).astype(np.float32)
        logvar = RNG(1).normal(-2, 1, (n, d)).astype(np.float32)
        rows = np.array([0, n - 1, 3, 3])
        noise = RNG(5).standard_normal((4, d))
        draws = mean[rows].astype(float) + np.exp(logvar[rows].astype(float) / 2) * noise
        densities = norm.logpdf(draws[:, None], mean.astype(float), np.exp(logvar.astype(float) / 2)).sum(2)
        expected = densities[np.arange(4), rows] - logsumexp(densities, axis=1) + np.log(n)
        assert log_ratios(mean, logvar, rows, RNG(5)) == pytest.approx(expected, abs=1e-9)

    def test_no_draw_tells_more_than_the_number_of_codes(self):
        mean = RNG(0).standard_normal((500, 4)).astype(np.float32)
        found = log_ratios(mean, np.full((500, 4), -3, np.float32), np.arange(500), RNG(0))
        assert found.max() <= np.log(500) + 1e-12
        assert found.min() < 4

    def test_where_double_precision_ends(self):
        # Two codes on one point: half of every density is the other's, however narrow. At σ = e⁻³⁰ the products of a
        # code 10 from the centre would be off by nats.
        mean = np.repeat(np.array([[10.0], [-10.0]], np.float32), 2, axis=0)
        found = log_ratios(mean, np.full((4, 1), -20, np.float32), np.arange(4), RNG(0))
        assert found == pytest.approx(np.full(4, np.log(2)), abs=1e-4)
        assert log_ratios(mean, np.full((4, 1), -60, np.float32), np.arange(4), RNG(0)) is None
        assert log_ratios(mean, np.full((4, 1), 2000, np.float32), np.arange(4), RNG(0)) is None
        assert log_ratios(mean, np.full((4, 1), -2000, np.float32), np.arange(4), RNG(0)) is None


class TestSurgery:
    @pytest.mark.parametrize("ratio", [[4.0, 2.0], [9.0], [1.5, 1.5, 1.5]])
    def test_linear_model_on_gaussian_data(self, ratio):
        # I = ½ Σ ln ρ, which is also the mean KL: q(z) is the prior. A mixture of 8,000 is off by less than 0.01 nats.
        values = measured(linear_vae(ratio))
        expected = 0.5 * np.log(ratio).sum()
        found = values["surgery"]
        assert found["mutual_information"] == pytest.approx(expected, abs=4 * found["standard_error"] + 0.01)
        assert found["mean_kl"] == pytest.approx(expected, rel=0.03)
        assert found["marginal_kl"] == pytest.approx(0, abs=4 * found["standard_error"] + 0.03)
        assert values["aggregate"]["gaussian_kl"] == pytest.approx(0, abs=2e-3)
        assert values["aggregate"]["mean_square_radius"] == pytest.approx(len(ratio), rel=0.03)

    def test_a_prior_that_is_missed_by_a_known_amount(self):
        # All posteriors one unit to the side: KL(N(e, I) ‖ N(0, I)) = ½ more, and as much information as before.
        codes = linear_vae([4.0, 2.0])
        moved = measured(LatentCodes.of(codes.mean + np.float32([1, 0]), codes.logvar))
        plain = measured(codes)["surgery"]
        assert moved["surgery"]["mutual_information"] == pytest.approx(plain["mutual_information"], abs=1e-6)
        assert moved["surgery"]["marginal_kl"] - plain["marginal_kl"] == pytest.approx(0.5, abs=0.02)
        assert moved["aggregate"]["mean_length"] == pytest.approx(1, abs=0.02)
        assert moved["aggregate"]["gaussian_kl"] == pytest.approx(0.5, abs=0.02)

    def test_linear_vae_on_digits(self):
        # 10.65 nats, of which 1,797 images can be told apart by ln 1797 = 7.49 at most. Mean and covariance of all
        # posteriors are exactly the prior's.
        values = measured(linear_vae_on_digits())
        found = values["surgery"]
        assert found["mean_kl"] == pytest.approx(10.65, abs=0.005)
        assert found["bound"] == pytest.approx(np.log(1797))
        codes, rng = linear_vae_on_digits(), RNG(9)
        mean, sd = codes.mean.astype(np.float64), np.exp(codes.logvar[0].astype(np.float64) / 2)
        draws = mean[:300] + sd * rng.standard_normal((300, 64))
        exponents = [-(((draw - mean) / sd) ** 2).sum(1) / 2 for draw in draws]
        plain = [row[i] - logsumexp(row) + np.log(1797) for i, row in enumerate(exponents)]
        error = np.hypot(np.std(plain) / np.sqrt(300), found["standard_error"])
        assert found["mutual_information"] == pytest.approx(np.mean(plain), abs=4 * error)
        assert 6 < found["mutual_information"] < found["bound"]
        assert found["marginal_kl"] == pytest.approx(found["mean_kl"] - found["mutual_information"])
        assert values["aggregate"]["gaussian_kl"] == pytest.approx(0, abs=1e-5)
        assert values["aggregate"]["gaussian_kl_of_axes"] == pytest.approx(0, abs=1e-5)

    def test_tiny_posteriors_tell_all_images_apart(self):
        mean = RNG(0).standard_normal((800, 64))
        found = measured(LatentCodes.of(mean, np.full((800, 64), -13.5)), draws=100)["surgery"]
        assert found["mutual_information"] == pytest.approx(np.log(800), abs=1e-9)
        assert found["marginal_kl"] == pytest.approx(found["mean_kl"] - np.log(800))
        assert found["mean_kl"] > 300

    def test_collapsed_posteriors_tell_nothing(self):
        found = measured(LatentCodes.of(np.zeros((300, 5)), np.zeros((300, 5))))["surgery"]
        assert found["mutual_information"] == pytest.approx(0, abs=1e-12)
        assert found["mean_kl"] == found["marginal_kl"] == pytest.approx(0, abs=1e-12)

    def test_fewer_codes_than_there_are(self):
        found = measured(linear_vae([4.0], n=3000), max_points=500, draws=700)["surgery"]
        assert (found["n"], found["draws"], found["bound"]) == (500, 700, pytest.approx(np.log(500)))

    def test_what_cannot_be_computed_is_none_and_said(self):
        found = measured(LatentCodes.of(np.ones((9, 2)), np.full((9, 2), 2000.0)))
        assert found["surgery"]["mutual_information"] is found["surgery"]["marginal_kl"] is None
        assert "double precision" in found["surgery"]["note"]
        assert found["aggregate"]["sd_max"] is None

    def test_an_autoencoder_has_moments_only(self):
        values = measured(LatentCodes.of(2 * RNG(0).standard_normal((9000, 3))))
        assert values["surgery"] is None
        assert values["of"] == "codes"
        assert values["aggregate"]["sd_median"] == pytest.approx(2, abs=0.06)
        assert values["aggregate"]["gaussian_kl"] == pytest.approx(1.5 * (4 - 1 - np.log(4)), rel=0.05)
