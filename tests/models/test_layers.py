"""Convolutions with TensorFlow's padding, and initialisations, against independent computations."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zscope.models import PRESETS, Autoencoder
from zscope.models.config import validated
from zscope.models.layers import SameConv2d, SameConvTranspose2d, same_padding

SETTINGS = [
    (size, kernel, stride)
    for size in [(4, 4), (5, 7), (8, 6), (1, 3)]
    for kernel, stride in [(1, 1), (3, 1), (3, 2), (5, 2), (5, 3), (1, 2), (3, 4)]
]


def direct_same_convolution(x, weight, stride):
    """Convolve by the definition: TensorFlow's guide gives the output size and the padding before each axis."""
    filters, _, kernel, _ = weight.shape
    count, _, height, width = x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    # TensorFlow states the rule by the remainder of the size, not by the output size as the code under test does.
    above = max(kernel - (stride if height % stride == 0 else height % stride), 0) // 2
    left = max(kernel - (stride if width % stride == 0 else width % stride), 0) // 2
    result = np.zeros((count, filters, rows, columns))
    for i in range(rows):
        for j in range(columns):
            for u in range(kernel):
                for v in range(kernel):
                    y, z = i * stride + u - above, j * stride + v - left
                    if 0 <= y < height and 0 <= z < width:
                        result[:, :, i, j] += x[:, :, y, z] @ weight[:, :, u, v].T
    return result


def test_padding_of_a_published_example():
    # TensorFlow's guide to padding: width 13, kernel 6, stride 5 is padded by one before and two after.
    assert same_padding(13, kernel=6, stride=5) == (1, 2)


@pytest.mark.parametrize(("size", "kernel", "stride"), SETTINGS)
def test_convolution_is_tensorflows_same(size, kernel, stride):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *size))
    layer = SameConv2d(3, 4, kernel, stride, size).double()
    weight, bias = rng.standard_normal((4, 3, kernel, kernel)), rng.standard_normal(4)
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    expected = direct_same_convolution(x, weight, stride) + bias[:, None, None]
    np.testing.assert_allclose(layer(torch.tensor(x)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "kernel", "stride"), SETTINGS)
def test_transposed_convolution_is_the_adjoint(size, kernel, stride):
    torch.manual_seed(0)
    forward = SameConv2d(3, 4, kernel, stride, size).double()
    adjoint = SameConvTranspose2d(4, 3, kernel, stride, size).double()
    with torch.no_grad():
        adjoint.weight.copy_(forward.weight)
        forward.bias.zero_()
        adjoint.bias.zero_()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    image = forward(x)
    y = torch.randn_like(image)
    assert adjoint(y).shape == x.shape
    torch.testing.assert_close((image * y).sum(), (x * adjoint(y)).sum(), rtol=1e-12, atol=1e-12)


def test_bias_of_the_transposed_convolution():
    layer = SameConvTranspose2d(2, 3, 3, 2, (5, 4))
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    output = layer(torch.zeros(1, 2, 3, 2))
    assert torch.equal(output, torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand(1, 3, 5, 4))


def layers_of(model):
    return [module for module in model.modules() if isinstance(module, SameConv2d | SameConvTranspose2d | nn.Linear)]


def keras_fans(layer):
    """Fans as Keras counts them: receptive field × channels in, and × channels out."""
    weight = layer.weight
    return math.prod(weight.shape[2:]) * weight.shape[0], math.prod(weight.shape[2:]) * weight.shape[1]


def preset_model(name, **changes):
    chosen = PRESETS[name]
    values = {"kind": "vae", "shape": chosen.shape, "z_dim": 16, **chosen.network, **changes}
    torch.manual_seed(0)
    return Autoencoder(validated(**values))


def test_glorot_bounds_variance_and_biases():
    for layer in layers_of(preset_model("mnist")):
        weight, fans = layer.weight.detach().double(), sum(keras_fans(layer))
        assert weight.abs().max() <= math.sqrt(6 / fans)
        # A uniform's kurtosis is 1.8, so its sample variance has the standard error σ² √(0.8 / n); passing 5 of them
        # by chance has a probability under 1e-6 a layer.
        variance = 2 / fans
        assert abs(weight.square().mean() - variance) < 5 * variance * math.sqrt(0.8 / weight.numel())
        assert abs(weight.mean()) < 5 * math.sqrt(variance / weight.numel())
        assert not layer.bias.any()


def test_torch_initialisation_is_pytorchs_own():
    for own, theirs in [
        (lambda: SameConv2d(3, 8, 3, 2, (6, 6)), lambda: nn.Conv2d(3, 8, 3, stride=2)),
        (lambda: SameConvTranspose2d(3, 8, 3, 2, (6, 6)), lambda: nn.ConvTranspose2d(3, 8, 3, stride=2)),
    ]:
        torch.manual_seed(5)
        mine = own()
        torch.manual_seed(5)
        reference = theirs()
        assert torch.equal(mine.weight, reference.weight)
        assert torch.equal(mine.bias, reference.bias)
    for layer in layers_of(preset_model("digits", initialisation="torch")):
        assert layer.bias.any()


def test_slope_of_leaky_relu():
    activations = [module for module in preset_model("mnist").modules() if isinstance(module, nn.LeakyReLU)]
    assert len(activations) == 5
    for activation in activations:
        torch.testing.assert_close(activation(torch.tensor([-1.0, 2.0])), torch.tensor([-0.3, 2.0]))


@settings(deadline=None, derandomize=True)
@given(size=st.integers(1, 300), half=st.integers(0, 5), stride=st.integers(1, 5))
def test_same_padding_gives_a_pixel_for_every_stride_begun(size, half, stride):
    kernel = 2 * half + 1
    before, after = same_padding(size, kernel, stride)
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert after - before in (0, 1)
