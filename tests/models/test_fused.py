"""Fused convolutions give what the modules give one after the other."""

import pytest
import torch

from zscope.models import PRESETS, Autoencoder, ModelConfig
from zscope.models.fused import fused_features, fuses


@pytest.mark.parametrize("preset", ["digits", "mnist", "celeba"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_features_are_those_of_the_modules(preset, batch_norm):
    chosen = PRESETS[preset]
    config = ModelConfig(
        kind="ae", shape=chosen.shape, z_dim=chosen.z_dim, **{**chosen.network, "batch_norm": batch_norm}
    )
    torch.manual_seed(0)
    encoder = Autoencoder(config).eval().encoder
    images = torch.rand(5, config.channels, *config.shape[:2]).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert fuses(images)
        wanted = images
        for module in encoder:
            wanted = module(wanted)
        torch.testing.assert_close(fused_features(encoder, images), wanted, rtol=1e-5, atol=1e-6)


def test_precision_of_autocast_is_kept():
    """bfloat16 has 8 bits of mantissa: a few layers differ from float32 by some thousandths, and not by nothing."""
    chosen = PRESETS["mnist"]
    config = ModelConfig(kind="ae", shape=chosen.shape, z_dim=chosen.z_dim, **chosen.network)
    torch.manual_seed(0)
    encoder = Autoencoder(config).eval().encoder
    images = torch.rand(5, 1, 28, 28)
    with torch.no_grad():
        exact = fused_features(encoder, images)
        with torch.autocast("cpu", torch.bfloat16):
            lower = fused_features(encoder, images)
    assert exact.dtype == torch.float32
    assert lower.dtype == torch.bfloat16
    assert 1e-5 < float((lower.float() - exact).abs().max()) < 0.02


def test_where_gradients_are_wanted_nothing_is_fused():
    images = torch.rand(2, 1, 28, 28)
    assert not fuses(images)
    with torch.no_grad():
        assert fuses(images)


@pytest.mark.parametrize("network", [{}, {"network": "residual"}, {"batch_norm": True}])
def test_codes_are_those_of_the_network_that_is_trained(network):
    chosen = PRESETS["digits"]
    values = {**chosen.network, **network}
    model = Autoencoder(ModelConfig(kind="vae", shape=chosen.shape, z_dim=3, **values)).eval()
    images = torch.rand(9, 1, 8, 8)
    plain = model.head(model.encoder(images))
    posterior = model.encode(images)
    torch.testing.assert_close(posterior.mean, plain.mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(posterior.logvar, plain.logvar, rtol=1e-5, atol=1e-6)
