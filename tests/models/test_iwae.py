"""The importance-weighted bound against a likelihood known in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn

from zscope.errors import ParameterError
from zscope.models import Autoencoder, iwae_bound
from zscope.models.likelihoods.base import learned_log_scale

SIGMA, PIXELS, Z = 0.5, 16, 2


def linear_model(widen=0.0, **changes):
    """A linear decoder with orthogonal columns, and its exact posterior, `widen` added to the log-variances.

    z ~ N(0, I), x = W z + σ ε with WᵀW = diag(c): the posterior is N(Wᵀx / (c + σ²), σ² / (c + σ²)) on each axis, and
    x ~ N(0, W Wᵀ + σ² I).
    """
    columns, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((PIXELS, Z)))
    weight = columns * np.array([1.5, 0.8])
    gain = (weight**2).sum(axis=0) + SIGMA**2
    decoder = nn.Sequential(nn.Linear(Z, PIXELS, bias=False), nn.Unflatten(1, (1, 4, 4)))
    values = {"kind": "vae", "likelihood": "gaussian", "sigma": SIGMA, "beta": 1.0, **changes}
    model = Autoencoder.of(nn.Flatten(), decoder, shape=(4, 4, 1), z_dim=Z, **values)
    with torch.no_grad():
        decoder[0].weight.copy_(torch.tensor(weight))
        model.head.mean.weight.copy_(torch.tensor((weight / gain).T))
        model.head.logvar.weight.zero_()
        model.head.logvar.bias.copy_(torch.tensor(np.log(SIGMA**2 / gain) + widen))
    return model, weight


def data(weight, count=40):
    rng = np.random.default_rng(1)
    pixels = rng.standard_normal((count, Z)) @ weight.T + SIGMA * rng.standard_normal((count, PIXELS))
    exact = stats.multivariate_normal(np.zeros(PIXELS), weight @ weight.T + SIGMA**2 * np.eye(PIXELS)).logpdf(pixels)
    return torch.tensor(pixels.reshape(count, 1, 4, 4), dtype=torch.float32), exact


def test_with_the_exact_posterior_one_draw_gives_the_likelihood():
    model, weight = linear_model()
    images, exact = data(weight)
    bound = iwae_bound(model, images, 1, torch.Generator().manual_seed(0))
    assert bound.shape == (40,)
    np.testing.assert_allclose(bound.numpy(), exact, atol=1e-4)


def test_with_another_posterior_it_rises_with_k_to_the_likelihood():
    model, weight = linear_model(widen=0.7)
    images, exact = data(weight, 2000)
    gaps = [iwae_bound(model, images, k, torch.Generator().manual_seed(0)).numpy() - exact for k in (1, 4, 30)]
    # Five standard errors of the mean over 2,000 images. In the mean one draw gives the ELBO: log p(x) less the KL of
    # the posteriors, ½ (e^0.7 − 1 − 0.7) an axis.
    errors = [5 * gap.std() / math.sqrt(len(gap)) for gap in gaps]
    assert abs(gaps[0].mean() + 0.5 * Z * (math.exp(0.7) - 1.7)) < errors[0]
    assert gaps[0].mean() + errors[0] < gaps[1].mean() < gaps[1].mean() + errors[1] < gaps[2].mean() < 0
    many = iwae_bound(model, images[:20], 3000, torch.Generator().manual_seed(0), chunk=3000).numpy()
    np.testing.assert_allclose(many, exact[:20], atol=0.15)
    assert many.mean() == pytest.approx(exact[:20].mean(), abs=0.02)


def test_chunks_change_nothing_and_neither_clip_nor_factor_act():
    model, weight = linear_model(widen=0.3)
    images, _ = data(weight, 5)
    whole = iwae_bound(model, images, 7, torch.Generator().manual_seed(0))
    clipped, _ = linear_model(widen=0.3, eps_clip=0.1, eps_factor=3.0)
    parts = iwae_bound(clipped, images, 7, torch.Generator().manual_seed(0), chunk=35)
    torch.testing.assert_close(whole, parts)
    assert iwae_bound(model, images, 7, torch.Generator().manual_seed(0), chunk=4).shape == (5,)
    assert iwae_bound(model, images[:0], 3).shape == (0,)


def test_a_linear_vae_of_learned_variance_is_scikit_learns_probabilistic_pca():
    """Tipping & Bishop 1999: W = U √(Λ − σ²), σ² the mean of the eigenvalues that are left out; all axes are active."""
    pixels, axes = load_digits().images.reshape(-1, 64) / 16, 20
    pca = PCA(axes, svd_solver="full").fit(pixels)
    variance = pca.noise_variance_
    weight = pca.components_.T * np.sqrt(pca.explained_variance_ - variance)
    to_mean = (weight / pca.explained_variance_).T
    decoder = nn.Sequential(nn.Linear(axes, 64), nn.Unflatten(1, (1, 8, 8)))
    model = Autoencoder.of(
        nn.Flatten(), decoder, shape=(8, 8, 1), z_dim=axes, kind="vae", likelihood="learned-gaussian", beta=1.0
    )
    optimum = {
        "decoder.0.weight": weight,
        "decoder.0.bias": pca.mean_,
        "head.mean.weight": to_mean,
        "head.mean.bias": -to_mean @ pca.mean_,
        "head.logvar.weight": np.zeros((axes, 64)),
        "head.logvar.bias": np.log(variance / pca.explained_variance_),
        "likelihood.raw": learned_log_scale(math.sqrt(variance)).detach().numpy(),
    }
    model.load_state_dict({name: torch.tensor(np.asarray(value, np.float32)) for name, value in optimum.items()})
    images = torch.tensor(pixels.reshape(-1, 1, 8, 8), dtype=torch.float32)
    bound = iwae_bound(model, images, 1, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(bound.numpy(), pca.score_samples(pixels), atol=2e-3)

    def total(change):
        torch.manual_seed(1)
        with torch.no_grad():
            model.likelihood.raw += change
            loss = float(model(images).total)
            model.likelihood.raw -= change
        return loss

    assert total(0.0) == pytest.approx(-pca.score(pixels), abs=0.1)
    assert total(0.0) < min(total(-0.1), total(0.1))


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretised-logistic"])
def test_arrays_and_other_likelihoods(likelihood):
    model, _ = linear_model(sigma=1.0, likelihood=likelihood)
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)
    model.train()
    bound = iwae_bound(model, images, 5)
    assert model.training
    assert torch.isfinite(bound).all()
    assert (bound < 0).all()  # the logarithm of a probability, or the Bernoulli's unnormalised one


def test_what_has_no_bound_is_refused():
    model, weight = linear_model()
    images, _ = data(weight, 2)
    with pytest.raises(ParameterError, match="k must be at least 1, got 0"):
        iwae_bound(model, images, 0)
    with pytest.raises(ParameterError, match=r"images must be within \[0, 1\] for the likelihood bernoulli"):
        iwae_bound(linear_model(sigma=1.0, likelihood="bernoulli")[0], images, 1)
    ae = Autoencoder.of(model.encoder, model.decoder, shape=(4, 4, 1), z_dim=Z)
    with pytest.raises(ParameterError, match="model must be a VAE for the IWAE bound"):
        iwae_bound(ae, images, 1)
