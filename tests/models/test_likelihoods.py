"""One contract for every likelihood, and the closed form of each."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from zscope.errors import ParameterError
from zscope.models import LIKELIHOODS
from zscope.models.config import LikelihoodName
from zscope.models.likelihoods.base import LEAST_LOG_SCALE, bounded_log_scale, learned_log_scale
from zscope.models.likelihoods.continuous_bernoulli import log_sinhc

SHAPE = (4, 3, 5, 2)

LEVELS = np.arange(256) / 255
SUPPORT = {
    "bernoulli": np.array([0.0, 1.0]),
    "discretised-logistic": LEVELS,
    "continuous-bernoulli": (0.0, 1.0),
    "gaussian": (-np.inf, np.inf),
    "learned-gaussian": (-np.inf, np.inf),
}
"""The values of a pixel that have a probability, or the interval on which it has a density."""


def likelihood(name, **changes):
    return LIKELIHOODS[name](3, **changes)


def images_and_output():
    rng = np.random.default_rng(0)
    images = rng.random(SHAPE)
    images[0] = np.round(images[0])  # pixels of exactly 0 and 1
    return images, 4 * rng.standard_normal(SHAPE)


def as_tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float32) for array in arrays]


def expectation(name, output, function):
    """E function(x) of one pixel: a sum over the levels, or scipy's quadrature of the density."""
    kind = LIKELIHOODS[name](1).double()

    def probability(x):
        given = torch.full((1, 1, 1, 1), x, dtype=torch.float64)
        return math.exp(-float(kind.negative_log(torch.full_like(given, output), given).detach()))

    support = SUPPORT[name]
    if isinstance(support, np.ndarray):
        return sum(function(x) * probability(x) for x in support)
    if math.isfinite(support[0]):
        return integrate.quad(lambda x: function(x) * probability(x), *support)[0]
    centre = [integrate.quad(lambda x: function(x) * probability(x), low, low + 1)[0] for low in range(-9, 10)]
    return sum(centre)


@pytest.mark.parametrize("name", LIKELIHOODS)
class TestEveryLikelihood:
    def test_words(self, name):
        assert LIKELIHOODS[name].name == name
        assert LIKELIHOODS[name].formula
        assert name in get_args(LikelihoodName)

    def test_one_float32_number_an_image(self, name):
        images, output = as_tensors(*images_and_output())
        losses = likelihood(name).negative_log(output, images)
        assert losses.shape == (SHAPE[0],)
        assert losses.dtype == torch.float32
        assert torch.isfinite(losses).all()

    def test_is_the_sum_over_pixels_and_channels(self, name):
        images, output = as_tensors(*images_and_output())
        single = LIKELIHOODS[name](1).negative_log(output.reshape(-1, 1, 1, 1), images.reshape(-1, 1, 1, 1))
        whole = likelihood(name).negative_log(output, images)
        torch.testing.assert_close(single.view(SHAPE[0], -1).sum(dim=1), whole, rtol=1e-5, atol=1e-4)

    @pytest.mark.parametrize("output", [-1.0, 0.05, 0.5, 0.9, 3.0])
    def test_sums_or_integrates_to_1(self, name, output):
        assert expectation(name, output, lambda x: 1) == pytest.approx(1, abs=1e-7)

    @pytest.mark.parametrize("output", [0.05, 0.3, 0.5, 0.9])
    def test_the_picture_is_the_mean(self, name, output):
        shown = float(LIKELIHOODS[name](1).mean(torch.full((1, 1, 1, 1), output)).detach())
        assert shown == pytest.approx(expectation(name, output, lambda x: x), abs=1e-5)

    def test_picture_is_within_0_and_1_and_rises_with_the_output(self, name):
        levels = torch.linspace(-20, 20, 81).view(1, 1, 9, 9)
        picture = LIKELIHOODS[name](1).mean(levels).detach()
        assert picture.shape == levels.shape
        assert picture.min() >= 0
        assert picture.max() <= 1
        assert (picture.flatten().diff() >= -1e-6).all()

    def test_the_best_output_for_an_image_shows_that_image(self, name):
        # The loss of one pixel over a fine grid of outputs is lowest where the mean of p(x|z) is the pixel.
        kind, grid = LIKELIHOODS[name](1), torch.linspace(-12, 12, 24_001).view(-1, 1, 1, 1)
        if name == "discretised-logistic":
            # At an edge of [0, 1] the wide logistic of an untrained model is lopsided, and its mode is not its mean.
            torch.nn.init.constant_(kind.raw, 1.0)
        for level in np.rint(255 * np.array([0.1, 0.5, 0.8])) / 255:
            losses = kind.negative_log(grid, torch.full_like(grid, level))
            assert float(kind.mean(grid)[losses.argmin()].detach()) == pytest.approx(level, abs=2e-3)

    def test_gradients_are_finite_far_from_the_image_and_near(self, name):
        kind = LIKELIHOODS[name](1)
        output = torch.tensor([-80.0, -1e-9, 0.0, 1e-6, 0.09, 0.11, 0.5, 80.0]).view(1, 1, 2, 4).requires_grad_()
        kind.negative_log(output, torch.tensor([0.0, 1.0]).repeat(4).view(1, 1, 2, 4)).sum().backward()
        assert torch.isfinite(output.grad).all()
        for parameter in kind.parameters():
            assert torch.isfinite(parameter.grad).all()

    def test_images_outside_0_and_1_are_refused_where_they_have_no_density(self, name):
        kind = LIKELIHOODS[name](1)
        kind.check(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2))
        assert kind.bounded == (name not in ("gaussian", "learned-gaussian"))
        for images in (torch.tensor([-0.5, 1.0]), torch.tensor([0.0, 255.0]), torch.tensor([0.0, math.nan])):
            if not kind.bounded:
                kind.check(images.view(1, 1, 1, 2))
                continue
            whole = torch.rand(2, 3, 4, 5)
            whole.view(-1)[[7, 90]] = images
            for laid_out in (whole, whole.contiguous(memory_format=torch.channels_last), whole.transpose(2, 3)):
                with pytest.raises(ParameterError, match=rf"^images must be within \[0, 1\] for the likelihood {name}"):
                    kind.check(laid_out)


def test_bernoulli_is_binary_cross_entropy():
    images, output = images_and_output()
    p = 1 / (1 + np.exp(-output))
    expected = -(images * np.log(p) + (1 - images) * np.log1p(-p)).sum(axis=(1, 2, 3))
    losses = likelihood("bernoulli").negative_log(*as_tensors(output, images))
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-5)


def test_bernoulli_far_from_the_image_is_finite():
    # log(1 + e^60) = 60 up to 1e-26, where log(1 − p) of a rounded p would be infinite.
    losses = likelihood("bernoulli").negative_log(torch.full((1, 1, 1, 2), 60.0), torch.tensor([[[[0.0, 1.0]]]]))
    assert float(losses) == pytest.approx(60)


class TestContinuousBernoulli:
    def test_is_the_bernoulli_and_its_constant(self):
        images, output = images_and_output()
        ours = likelihood("continuous-bernoulli").negative_log(*as_tensors(output, images))
        p = torch.distributions.ContinuousBernoulli(logits=torch.tensor(output), lims=(0.4999, 0.5001))
        np.testing.assert_allclose(ours.numpy(), -p.log_prob(torch.tensor(images)).sum(dim=(1, 2, 3)), rtol=1e-5)

    def test_series_meets_the_closed_form(self):
        # numpy's sinh in double precision is exact enough on both sides of the seam at 0.1, and at 1e-4.
        u = np.array([1e-4, 0.05, 0.0999, 0.1001, 1.0, 30.0])
        expected = np.log(np.sinh(u) / u)
        for dtype, rtol in ((torch.float64, 1e-8), (torch.float32, 1e-4)):
            for sign in (-1, 1):
                ours = log_sinhc(sign * torch.tensor(u, dtype=dtype))
                np.testing.assert_allclose(ours.numpy(), expected, rtol=rtol, atol=1e-7)
        assert float(log_sinhc(torch.zeros(()))) == 0

    def test_slope_of_the_normaliser_is_the_mean(self):
        # d/dη log ∫ exp(η x) dx = E x, on both sides of the series.
        kind = LIKELIHOODS["continuous-bernoulli"](1)
        output = torch.linspace(-3, 3, 200).view(1, 1, 10, 20).double().requires_grad_()
        kind.negative_log(output, torch.zeros_like(output)).sum().backward()
        torch.testing.assert_close(output.grad, kind.mean(output).detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 0.2])
def test_gaussian_is_the_normal_density(sigma):
    images, output = images_and_output()
    expected = -stats.norm.logpdf(images, loc=output, scale=sigma).sum(axis=(1, 2, 3))
    losses = likelihood("gaussian", sigma=sigma).negative_log(*as_tensors(output, images))
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-5)


class TestLearnedGaussian:
    def test_is_the_normal_density_of_its_sigma(self):
        images, output = images_and_output()
        kind = likelihood("learned-gaussian")
        assert kind.sigma == pytest.approx(0.3)
        expected = -stats.norm.logpdf(images, loc=output, scale=0.3).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(kind.negative_log(*as_tensors(output, images)).detach().numpy(), expected, rtol=1e-5)

    def test_its_optimum_is_the_root_mean_square_error(self):
        images, output = as_tensors(*images_and_output())
        output = images + 0.1 * torch.sign(output)
        kind = likelihood("learned-gaussian")
        optimiser = torch.optim.Adam(kind.parameters(), lr=0.05)
        for _ in range(300):
            optimiser.zero_grad()
            kind.negative_log(output, images).mean().backward()
            optimiser.step()
        assert kind.sigma == pytest.approx(0.1, rel=1e-3)


class TestDiscretisedLogistic:
    def test_is_the_difference_of_scipys_distribution(self):
        images, output = images_and_output()
        images, output = np.rint(255 * images) / 255, 0.3 * output
        scale = 0.3 * math.sqrt(3) / math.pi
        above = np.where(images == 1, 1, stats.logistic.cdf(images + 0.5 / 255, output, scale))
        below = np.where(images == 0, 0, stats.logistic.cdf(images - 0.5 / 255, output, scale))
        expected = -np.log(above - below).sum(axis=(1, 2, 3))
        kind = likelihood("discretised-logistic")
        np.testing.assert_allclose(kind.negative_log(*as_tensors(output, images)).detach().numpy(), expected, rtol=1e-5)

    def test_each_channel_has_its_scale(self):
        kind = likelihood("discretised-logistic")
        assert kind.raw.shape == (3, 1, 1)
        images, output = as_tensors(*images_and_output())
        before = kind.negative_log(output, images)
        with torch.no_grad():
            kind.raw[1] += 1
            one = LIKELIHOODS["discretised-logistic"](1)
            change = -one.negative_log(output[:, 1:2], images[:, 1:2])
            one.raw += 1
            change = change + one.negative_log(output[:, 1:2], images[:, 1:2])
        torch.testing.assert_close(kind.negative_log(output, images) - before, change, rtol=1e-3, atol=1e-3)

    def test_scaled_spread_is_that_of_the_first_scale(self):
        scale = float(bounded_log_scale(likelihood("discretised-logistic").raw.detach())[0].exp())
        assert stats.logistic.std(scale=scale) == pytest.approx(0.3, rel=1e-5)


def test_learned_scales_stay_above_their_bound():
    assert float(bounded_log_scale(torch.tensor(-50.0))) == pytest.approx(LEAST_LOG_SCALE)
    parameter = learned_log_scale(0.01, (2,)).detach()
    assert bounded_log_scale(parameter).exp().numpy() == pytest.approx([0.01, 0.01], rel=1e-5)
