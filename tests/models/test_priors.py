"""One contract for every prior, and the VampPrior against the mixture that it is."""

import copy

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from zscope.clouds import PriorCloud
from zscope.models import PRIORS, Autoencoder, Posterior
from zscope.models.config import validated


def make(prior, z_dim=2, **changes):
    torch.manual_seed(0)
    values = {"kind": "vae", "shape": (8, 8, 1), "z_dim": z_dim, "layers": [{"filters": 4, "stride": 2}], "beta": 1.0}
    return Autoencoder(validated(**{**values, "prior": prior, **changes}))


@pytest.mark.parametrize("name", PRIORS)
class TestEveryPrior:
    def test_words(self, name):
        assert PRIORS[name].name == name
        assert PRIORS[name].formula

    def test_density_integrates_to_1(self, name):
        prior = make(name, z_dim=1).prior
        grid = torch.linspace(-15, 15, 6001)[:, None]
        with torch.no_grad():
            density = prior.log_density(grid).exp().numpy()
        assert integrate.trapezoid(density, grid[:, 0].numpy()) == pytest.approx(1, abs=1e-4)

    def test_draws_follow_the_density(self, name):
        # The mean log-density of draws is minus the entropy; by quadrature and by 20,000 draws, five standard errors.
        prior = make(name, z_dim=1).prior
        grid = torch.linspace(-15, 15, 6001)[:, None]
        with torch.no_grad():
            log_density = prior.log_density(grid).numpy()
            drawn = prior.draw(20_000)
            sampled = prior.log_density(drawn).numpy()
        exact = integrate.trapezoid(np.exp(log_density) * log_density, grid[:, 0].numpy())
        assert drawn.shape == (20_000, 1)
        assert abs(sampled.mean() - exact) < 5 * sampled.std() / np.sqrt(20_000)

    def test_divergence_is_the_kl_in_the_mean(self, name):
        # KL by quadrature on one axis; five standard errors of 20,000 draws, and float32's rounding.
        prior = make(name, z_dim=1).prior
        posterior = Posterior(torch.full((20_000, 1), 0.7), torch.full((20_000, 1), -1.0))
        codes = posterior.draw(eps_clip=None, eps_factor=1.0, generator=torch.Generator().manual_seed(1))
        grid = torch.linspace(-15, 15, 6001)[:, None]
        with torch.no_grad():
            log_p, ours = prior.log_density(grid).numpy(), prior.divergence(posterior, codes).numpy()
        log_q = stats.norm.logpdf(grid[:, 0].numpy(), 0.7, np.exp(-0.5))
        exact = integrate.trapezoid(np.exp(log_q) * (log_q - log_p), grid[:, 0].numpy())
        assert ours.shape == (20_000,)
        assert abs(ours.mean() - exact) < 5 * ours.std() / np.sqrt(20_000) + 1e-5

    def test_components_are_the_mixture_that_it_is(self, name):
        # Log-density of the mixture by scipy, and moments of the cloud that draws from it, at five standard errors.
        model = make(name, z_dim=2)
        mean, logvar = model.prior_components()
        sd = np.exp(0.5 * logvar.astype(np.float64))
        codes = torch.randn(50, 2)
        parts = stats.norm.logpdf(codes.numpy()[:, None], mean[None], sd[None]).sum(axis=2)
        with torch.no_grad():
            found = model.prior.log_density(codes).numpy()
        np.testing.assert_allclose(found, special.logsumexp(parts, axis=1) - np.log(len(mean)), rtol=1e-4, atol=1e-4)
        drawn = PriorCloud().fit(mean, logvar).draw(20_000, np.random.default_rng(0)).astype(np.float64)
        assert np.all(np.abs(drawn.mean(0) - mean.mean(0)) < 5 * drawn.std(0) / np.sqrt(20_000))
        second = (mean.astype(np.float64) ** 2 + sd**2).mean(0)
        assert np.all(np.abs((drawn**2).mean(0) - second) < 5 * (drawn**2).std(0) / np.sqrt(20_000))

    def test_a_copied_model_has_its_own(self, name):
        model = make(name)
        twin = copy.deepcopy(model)
        codes = torch.randn(3, 2)
        before = model.prior.log_density(codes)
        for parameter in twin.parameters():
            torch.nn.init.normal_(parameter)
        assert torch.equal(model.prior.log_density(codes), before)
        assert name == "normal" or not torch.equal(twin.prior.log_density(codes), before)


def test_vamp_with_data_as_pseudo_inputs_is_the_aggregate_posterior():
    model = make("vamp:inputs=9")
    images = torch.rand(9, 1, 8, 8)
    with torch.no_grad():
        model.prior.pseudo_inputs.copy_(images)
        posterior, codes = model.encode(images), torch.randn(5, 2)
        ours = model.prior.log_density(codes).numpy()
    mean, sd = posterior.mean.double().numpy(), np.exp(0.5 * posterior.logvar.double().numpy())
    pairs = stats.norm.logpdf(codes.numpy()[:, None], mean[None], sd[None]).sum(axis=2)
    np.testing.assert_allclose(ours, special.logsumexp(pairs, axis=1) - np.log(9), rtol=1e-5)


def test_vamp_learns_its_pseudo_inputs_and_is_kept(tmp_path):
    model = make("vamp:inputs=5")
    model(torch.rand(4, 1, 8, 8)).total.backward()
    assert model.prior.pseudo_inputs.grad.abs().max() > 0
    assert [name for name in model.state_dict() if name.startswith("prior")] == ["prior.pseudo_inputs"]
    model.save_pretrained(tmp_path / "model")
    again = Autoencoder.from_pretrained(tmp_path / "model")
    codes = torch.randn(3, 2)
    torch.testing.assert_close(again.prior.log_density(codes), model.prior.log_density(codes))


def test_the_standard_normal_adds_nothing_to_the_state():
    assert not [name for name in make("normal").state_dict() if name.startswith(("prior", "likelihood"))]


def test_an_ae_has_no_prior():
    assert make("normal", kind="ae", beta=0.0).prior_components() is None
