"""One contract for every likelihood and for every regulariser, and the closed forms of each."""

import numpy as np
import pytest
import torch
from scipy import stats

from zscope.models import LIKELIHOODS, REGULARISERS, Posterior

SHAPE = (4, 3, 5, 2)


def images_and_output():
    rng = np.random.default_rng(0)
    images = rng.random(SHAPE)
    images[0] = np.round(images[0])  # pixels of exactly 0 and 1
    return images, 4 * rng.standard_normal(SHAPE)


def as_tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float32) for array in arrays]


@pytest.mark.parametrize("name", LIKELIHOODS)
class TestEveryLikelihood:
    def test_words(self, name):
        assert LIKELIHOODS[name].name == name
        assert LIKELIHOODS[name].formula

    def test_one_float32_number_an_image(self, name):
        images, output = as_tensors(*images_and_output())
        losses = LIKELIHOODS[name].negative_log(output, images)
        assert losses.shape == (SHAPE[0],)
        assert losses.dtype == torch.float32

    def test_is_the_sum_over_pixels_and_channels(self, name):
        images, output = as_tensors(*images_and_output())
        single = LIKELIHOODS[name].negative_log(output.reshape(-1, 1, 1, 1), images.reshape(-1, 1, 1, 1))
        whole = LIKELIHOODS[name].negative_log(output, images)
        torch.testing.assert_close(single.view(SHAPE[0], -1).sum(dim=1), whole, rtol=1e-5, atol=1e-4)

    def test_picture_is_within_0_and_1_and_rises_with_the_output(self, name):
        levels = torch.linspace(-20, 20, 81).view(1, 1, 9, 9)
        picture = LIKELIHOODS[name].mean(levels)
        assert picture.shape == levels.shape
        assert picture.min() >= 0
        assert picture.max() <= 1
        assert (picture.flatten().diff() >= 0).all()

    def test_the_best_output_for_an_image_shows_that_image(self, name):
        # The loss of one pixel over a fine grid of outputs is lowest where the mean of p(x|z) is the pixel.
        likelihood, grid = LIKELIHOODS[name], torch.linspace(-6, 6, 12_001).view(-1, 1, 1, 1)
        for level in (0.1, 0.5, 0.8):
            losses = likelihood.negative_log(grid, torch.full_like(grid, level))
            assert float(likelihood.mean(grid)[losses.argmin()]) == pytest.approx(level, abs=1e-3)


def test_bernoulli_is_binary_cross_entropy():
    images, output = images_and_output()
    p = 1 / (1 + np.exp(-output))
    expected = -(images * np.log(p) + (1 - images) * np.log1p(-p)).sum(axis=(1, 2, 3))
    losses = LIKELIHOODS["bernoulli"].negative_log(*as_tensors(output, images))
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-5)


def test_bernoulli_far_from_the_image_is_finite():
    # log(1 + e^60) = 60 up to 1e-26, where log(1 − p) of a rounded p would be infinite.
    losses = LIKELIHOODS["bernoulli"].negative_log(torch.full((1, 1, 1, 2), 60.0), torch.tensor([[[[0.0, 1.0]]]]))
    assert float(losses) == pytest.approx(60)


def test_gaussian_is_the_normal_density():
    images, output = images_and_output()
    expected = -stats.norm.logpdf(images, loc=output, scale=1).sum(axis=(1, 2, 3))
    losses = LIKELIHOODS["gaussian"].negative_log(*as_tensors(output, images))
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-5)


def posterior():
    torch.manual_seed(0)
    return Posterior(torch.randn(6, 4), torch.randn(6, 4) - 1)


@pytest.mark.parametrize("name", REGULARISERS)
class TestEveryRegulariser:
    def test_words(self, name):
        assert REGULARISERS[name].name == name
        assert REGULARISERS[name].formula

    def test_one_float32_number_an_image_at_least_0(self, name):
        penalty = REGULARISERS[name].penalty(posterior())
        assert penalty.shape == (6,)
        assert penalty.dtype == torch.float32
        assert (penalty >= 0).all()

    def test_nothing_for_the_prior_itself(self, name):
        assert not REGULARISERS[name].penalty(Posterior(torch.zeros(3, 2), torch.zeros(3, 2))).any()


def test_kl_is_the_closed_form():
    given = posterior()
    mean, logvar = given.mean.double().numpy(), given.logvar.double().numpy()
    expected = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
    np.testing.assert_allclose(REGULARISERS["kl"].penalty(given).numpy(), expected, rtol=1e-5)


def test_kl_agrees_with_torch_distributions():
    given = posterior()
    q = torch.distributions.Normal(given.mean, (given.logvar / 2).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(REGULARISERS["kl"].penalty(given), expected, rtol=1e-5, atol=1e-5)


def test_kl_of_points_is_refused():
    with pytest.raises(TypeError, match="no finite KL"):
        REGULARISERS["kl"].penalty(Posterior(torch.zeros(1, 1), None))
