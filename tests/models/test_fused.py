"""Fused layers give what single operators give, and so do their gradients, and the gradients of these."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn import functional

from zscope.models import PRESETS, Autoencoder, ModelConfig, fused
from zscope.models.fused import fuses, kept_kernels
from zscope.models.layers import Layers, Linear, SameConv2d, SameConvTranspose2d

PLACES = [
    ((8, 8), 3, 2),
    ((7, 9), 3, 2),
    ((6, 6), 3, 1),
    ((8, 6), 3, 3),
    ((8, 8), 5, 2),
    ((6, 7), 4, 2),
    ((9, 5), 2, 2),
    ((2, 2), 3, 2),
    ((1, 1), 3, 2),
]
"""Images (height, width), kernels and strides that are fused."""


def layers_of(kind, size, kernel, stride, slope):
    """A convolution of 3 or 5 channels with a LeakyReLU, in float32, its twin in float64, and features for them."""
    torch.manual_seed(0)
    small = [-(-edge // stride) for edge in size]
    shape = (4, 3, *size) if kind is SameConv2d else (4, 5, *small)
    pair = Layers(kind(shape[1], 8 - shape[1], kernel, stride, size), nn.LeakyReLU(slope))
    twin = Layers(kind(shape[1], 8 - shape[1], kernel, stride, size), nn.LeakyReLU(slope)).double()
    twin.load_state_dict(pair.state_dict())
    return pair, twin, torch.randn(shape)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("size", "kernel", "stride"), PLACES)
@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
class TestConvolutions:
    """`test_layers` checks the unfused layers in double precision against TensorFlow's rule and their adjoints."""

    def test_outputs_and_gradients_are_those_of_single_operators(self, kind, size, kernel, stride, slope, layout):
        pair, twin, x = layers_of(kind, size, kernel, stride, slope)
        x = x.contiguous(memory_format=layout).requires_grad_()
        again = x.detach().double().requires_grad_()
        assert pair.turns
        assert fuses(x)
        assert not fuses(again)
        found, wanted = pair(x), twin(again)
        torch.testing.assert_close(found, wanted.float(), rtol=1e-5, atol=1e-6)
        weights = torch.randn_like(found)
        ours = torch.autograd.grad((found * weights).sum(), (x, *pair.parameters()))
        theirs = torch.autograd.grad((wanted * weights).sum(), (again, *twin.parameters()))
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other.float(), rtol=1e-4, atol=1e-5)

    def test_gradients_of_a_penalty_on_gradients(self, kind, size, kernel, stride, slope, layout):
        pair, twin, x = layers_of(kind, size, kernel, stride, slope)
        penalties = []
        for network, values in ((pair, x.contiguous(memory_format=layout)), (twin, x.double())):
            values.requires_grad_()
            y = network(values)
            weights = torch.arange(y.numel(), dtype=y.dtype).view(y.shape).sin()
            (slopes,) = torch.autograd.grad((y * weights).sum(), values, create_graph=True)
            penalties.append(torch.autograd.grad(slopes.square().sum(), network[0].weight)[0].float())
        torch.testing.assert_close(*penalties, rtol=1e-4, atol=1e-4)


bf16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="oneDNN has no bfloat16 on this processor"
)


@bf16
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1), (2, 2)])
@pytest.mark.parametrize("turning", [True, False])
@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
def test_gradients_in_bfloat16_of_images_smaller_than_the_stride(kind, turning, size):
    """With a stride above the width oneDNN leaves gradients of weights unwritten: what was in memory comes back."""
    pair, _, x = layers_of(kind, size, 3, 3, 0.3)
    pair.turns = pair.turns and turning
    wanted = torch.autograd.grad(pair(x).square().sum(), pair[0].weight)[0]
    for _ in range(10):
        dirty = [torch.full((elements,), 1e30) for elements in range(50, 3000, 50)]
        del dirty
        with torch.autocast("cpu", torch.bfloat16):
            found = torch.autograd.grad(pair(x).float().square().sum(), pair[0].weight)[0]
        assert (found - wanted).abs().max() <= 0.05 * wanted.abs().max()


@bf16
def test_a_network_that_goes_on_below_a_single_pixel_learns_in_bfloat16():
    config = ModelConfig(kind="vae", shape=(8, 8, 1), z_dim=2, layers=[{"filters": 4, "stride": 2, "kernel": 3}] * 8)
    model = Autoencoder(config)
    images = torch.rand(16, 1, 8, 8)
    norms = []
    for lower in (False, True):
        torch.manual_seed(0)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            model(images).total.backward()
        norms.append(torch.nn.utils.get_total_norm([one.grad for one in model.parameters()]))
    torch.testing.assert_close(norms[0], norms[1], rtol=0.05, atol=0)


@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
@pytest.mark.parametrize(("size", "kernel", "stride"), [((6, 6), 4, 1), ((6, 6), 2, 1), ((5, 4), 1, 2), ((8, 8), 1, 3)])
def test_what_does_not_turn_is_computed_as_ever(kind, size, kernel, stride):
    pair, twin, x = layers_of(kind, size, kernel, stride, 0.3)
    assert not pair.turns
    torch.testing.assert_close(pair(x), twin(x.double()).float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
@pytest.mark.parametrize(("size", "kernel", "stride"), PLACES)
def test_under_autocast_layers_are_in_its_precision(kind, size, kernel, stride):
    """bfloat16 has 8 bits of mantissa: a layer differs from float32 by some thousandths, and not by nothing."""
    pair, _, x = layers_of(kind, size, kernel, stride, 0.3)
    exact = pair(x)
    with torch.autocast("cpu", torch.bfloat16):
        lower = pair(x)
    lower.float().sum().backward()
    assert exact.dtype == torch.float32
    assert lower.dtype == torch.bfloat16
    assert pair[0].weight.grad.dtype == torch.float32
    assert 1e-5 < (lower.float() - exact).abs().max().item() < 0.05


def test_frozen_layers_and_images_without_gradients():
    pair, twin, x = layers_of(SameConv2d, (8, 8), 3, 2, 0.3)
    pair(x).sum().backward()
    twin(x.double()).sum().backward()
    torch.testing.assert_close(pair[0].weight.grad, twin[0].weight.grad.float(), rtol=1e-4, atol=1e-5)
    pair.zero_grad()
    pair.requires_grad_(False)
    x.requires_grad_()
    (found,) = torch.autograd.grad(pair(x).sum(), x)
    (wanted,) = torch.autograd.grad(twin(x.double()).sum(), x)
    torch.testing.assert_close(found, wanted)
    assert pair[0].weight.grad is None
    assert pair[0].bias.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_dense_layers(create_graph):
    torch.manual_seed(0)
    layer, x = Linear(300, 40), torch.randn(33, 300, requires_grad=True)
    found, wanted = layer(x), functional.linear(x.double(), layer.weight.double(), layer.bias.double())
    torch.testing.assert_close(found, wanted.float(), rtol=1e-5, atol=1e-6)
    inputs = (x, layer.weight, layer.bias)
    ours = torch.autograd.grad(found.square().sum(), inputs, create_graph=create_graph)
    theirs = torch.autograd.grad(wanted.square().sum(), inputs, create_graph=create_graph)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)
    if create_graph:
        second = [torch.autograd.grad(slopes[0].square().sum(), layer.weight)[0] for slopes in (ours, theirs)]
        torch.testing.assert_close(*second, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("preset", ["digits", "mnist", "celeba"])
@pytest.mark.parametrize("network", [{}, {"network": "residual"}, {"batch_norm": True}, {"extra_dense": (20,)}])
def test_networks_are_those_of_single_operators(preset, network):
    chosen = PRESETS[preset]
    config = ModelConfig(kind="vae", shape=chosen.shape, z_dim=chosen.z_dim, **{**chosen.network, **network})
    torch.manual_seed(0)
    model, twin = Autoencoder(config).eval(), Autoencoder(config).eval().double()
    twin.load_state_dict(model.state_dict())
    x = torch.rand(3, chosen.shape[2], *chosen.shape[:2])
    with torch.no_grad():
        assert model.encoder.turns
        assert model.decoder.turns
        features, wanted = model.encoder(x), twin.encoder(x.double())
        torch.testing.assert_close(features, wanted.float(), rtol=1e-4, atol=1e-5)
        codes, means = model.head(features).mean, twin.head(wanted).mean
        torch.testing.assert_close(model.decoder(codes), twin.decoder(means).float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", [{}, {"network": "residual"}])
def test_encoding_in_pieces_is_encoding_at_once(network, monkeypatch):
    chosen = PRESETS["digits"]
    model = Autoencoder(ModelConfig(kind="vae", shape=chosen.shape, z_dim=3, **{**chosen.network, **network})).eval()
    images = torch.rand(21, 1, 8, 8)
    with torch.no_grad():
        wanted = model.head(model.encoder(images))
    monkeypatch.setattr("zscope.models.autoencoder._CACHED_BYTES", 4 * 4 * 8 * 8 * 32)
    sizes = []
    model.encoder.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    posterior = model.encode(images)
    assert max(sizes) < 21
    assert sum(sizes) == 21
    torch.testing.assert_close(posterior.mean, wanted.mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(posterior.logvar, wanted.logvar, rtol=1e-5, atol=1e-6)
    assert model.encode(images[:0]).mean.shape == (0, 3)


@pytest.mark.parametrize("kind", [SameConv2d, SameConvTranspose2d])
def test_kernels_are_made_ready_once_for_the_length_of_a_block_only(kind):
    pair, twin, x = layers_of(kind, (8, 8), 3, 2, 0.3)
    with torch.no_grad():
        wanted = pair(x)
        with kept_kernels():
            # Packed for the first batch, and used for others.
            torch.testing.assert_close(pair(x), wanted, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(pair(x[:1]), wanted[:1], rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(pair(x.repeat(9, 1, 1, 1)), wanted.repeat(9, 1, 1, 1), rtol=1e-5, atol=1e-6)
            first = pair(x)
            pair[0].weight.mul_(2)
            assert torch.equal(pair(x), first)
        twin[0].weight.mul_(2)
        torch.testing.assert_close(pair(x), twin(x.double()).float(), rtol=1e-5, atol=1e-6)


def test_kernels_are_not_kept_where_they_have_gradients():
    pair, twin, x = layers_of(SameConv2d, (8, 8), 3, 2, 0.3)
    with kept_kernels():
        with torch.no_grad():
            pair(x)
        pair(x).sum().backward()
    twin(x.double()).sum().backward()
    torch.testing.assert_close(pair[0].weight.grad, twin[0].weight.grad.float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (1, 1)])
def test_single_pixels_get_their_bias_whatever_the_layout_of_kernels(size):
    """Strides of one pixel do not tell a layout, and a copy that is taken for a view would lose what is added."""
    pair, twin, x = layers_of(SameConvTranspose2d, size, 3, 2, 0.3)
    torch.testing.assert_close(pair(x), twin(x.double()).float(), rtol=1e-5, atol=1e-6)


def test_jacobians_of_decoders():
    chosen = PRESETS["digits"]
    model = Autoencoder(ModelConfig(kind="ae", shape=chosen.shape, z_dim=3, **chosen.network)).eval()
    code = torch.randn(1, 3)
    found = torch.func.jacrev(model.decoder)(code)
    torch.testing.assert_close(found, torch.autograd.functional.jacobian(model.decoder, code), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("gradients", [True, False])
def test_forward_mode_differentiation(gradients):
    pair, twin, x = layers_of(SameConv2d, (8, 8), 3, 2, 0.3)
    pair.append(nn.Flatten()).append(Linear(80, 2))
    twin.append(nn.Flatten()).append(Linear(80, 2).double())
    twin.load_state_dict(pair.state_dict())
    tangents = []
    with torch.set_grad_enabled(gradients), forward_ad.dual_level():
        assert not fuses(x)
        for network, values in ((pair, x), (twin, x.double())):
            dual = forward_ad.make_dual(values, torch.ones_like(values))
            tangents.append(forward_ad.unpack_dual(network(dual)).tangent.float())
    torch.testing.assert_close(*tangents, rtol=1e-4, atol=1e-5)
    assert fuses(x)


def test_weights_that_are_computed_anew_are_not_kept():
    layer = SameConv2d(3, 5, 3, 2, (8, 8))
    nn.utils.parametrizations.spectral_norm(layer)
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad(), kept_kernels():
        for _ in range(3):
            layer(x, 0.3, turned=True)
        assert not fused._kept.get()


def test_who_hooks_on_sees_what_modules_give():
    pair, twin, x = layers_of(SameConv2d, (8, 8), 3, 2, 0.3)
    seen = []
    for module in pair:
        module.register_forward_hook(lambda module, given, output: seen.append(output))
    pair(x)
    convolved = twin[0](x.double())
    torch.testing.assert_close(seen[0], convolved.float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(seen[1], twin[1](convolved).float(), rtol=1e-5, atol=1e-6)


def test_no_images():
    pair, _, x = layers_of(SameConv2d, (8, 8), 3, 2, 0.3)
    pair(x[:0]).sum().backward()
    assert not fuses(x[:0])
    layer = Linear(4, 2)
    layer(torch.empty(0, 4)).sum().backward()
    assert torch.equal(layer.bias.grad, torch.zeros(2))


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_it_can_be_switched_off():
    with torch.backends.mkldnn.flags(enabled=False):
        assert not fuses(torch.rand(2, 1, 8, 8))
    with torch.autocast("cpu", torch.float16):
        assert not fuses(torch.rand(2, 1, 8, 8))
