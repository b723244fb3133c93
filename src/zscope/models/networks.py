"""Encoders and their mirrored decoders: convolutional, residual, dense."""

import math
from collections.abc import Iterator

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from zscope.errors import ParameterError
from zscope.models.config import ModelConfig
from zscope.models.layers import Layers, Linear, Residual, SameConv2d, SameConvTranspose2d
from zscope.models.own import check_decoder, features_of


def sizes(config: ModelConfig) -> list[tuple[int, int]]:
    """Heights and widths from the image to the last feature map, one more than there are layers."""
    height, width, _ = config.shape
    result = [(height, width)]
    for layer in config.layers:
        height, width = math.ceil(height / layer.stride), math.ceil(width / layer.stride)
        result.append((height, width))
    return result


def _activation(config: ModelConfig, filters: int) -> Iterator[nn.Module]:
    if config.batch_norm:
        yield nn.BatchNorm2d(filters)
    yield nn.LeakyReLU(config.slope)


def _block(config: ModelConfig, filters: int, kernel: int, size: tuple[int, int]) -> Iterator[nn.Module]:
    if config.network == "residual":
        yield ResidualBlock(config, filters, kernel, size)


class ResidualBlock(Residual):
    """x + conv(act(conv(act(x)))), shapes (N, C, H, W) kept.

    He et al. 2016, "Identity Mappings in Deep Residual Networks": normalisation, where there is any, and activation
    stand before each convolution, so that nothing stands in the way of x.
    """

    def __init__(self, config: ModelConfig, filters: int, kernel: int, size: tuple[int, int]) -> None:
        modules: list[nn.Module] = []
        for _ in range(2):
            modules += [*_activation(config, filters), SameConv2d(filters, filters, kernel, 1, size)]
        super().__init__(Layers(*modules))


class ConvEncoder(Layers):
    """Images (N, C, H, W) → features (N, `features`): convolutions, flattened, then any extra dense layers.

    With the network ``residual`` a `ResidualBlock` follows each convolution. `widest` is the number of elements of an
    image's largest features.
    """

    def __init__(self, config: ModelConfig) -> None:
        modules: list[nn.Module] = []
        channels, edges = config.channels, sizes(config)
        for position, (layer, size) in enumerate(zip(config.layers, edges, strict=False)):
            modules += [SameConv2d(channels, layer.filters, layer.kernel, layer.stride, size)]
            modules += _activation(config, layer.filters)
            modules += _block(config, layer.filters, layer.kernel, edges[position + 1])
            channels = layer.filters
        modules.append(nn.Flatten())
        features = channels * edges[-1][0] * edges[-1][1]
        for width in config.extra_dense:
            modules += [Linear(features, width), nn.LeakyReLU(config.slope)]
            features = width
        super().__init__(*modules)
        self.features = features
        self.widest = max(layer.filters * math.prod(size) for layer, size in zip(config.layers, edges[1:], strict=True))


class ConvDecoder(Layers):
    """Codes (N, d) → logits or means of the pixels (N, C, H, W): the encoder's layers mirrored."""

    def __init__(self, config: ModelConfig) -> None:
        edges = sizes(config)
        *inner, last = config.layers[::-1]
        modules: list[nn.Module] = []
        features = config.z_dim
        for width in config.extra_dense[::-1]:
            modules += [Linear(features, width), nn.LeakyReLU(config.slope)]
            features = width
        channels = config.layers[-1].filters
        modules += [Linear(features, channels * math.prod(edges[-1])), nn.Unflatten(1, (channels, *edges[-1]))]
        # Each transposed layer undoes one convolution's stride and leaves the filters of the one before it.
        for position, layer in enumerate(inner):
            filters = config.layers[len(inner) - 1 - position].filters
            modules += _block(config, channels, layer.kernel, edges[-1 - position])
            modules += [SameConvTranspose2d(channels, filters, layer.kernel, layer.stride, edges[-2 - position])]
            modules += _activation(config, filters)
            channels = filters
        modules += _block(config, channels, last.kernel, edges[1])
        modules += [SameConvTranspose2d(channels, config.channels, last.kernel, last.stride, edges[0])]
        super().__init__(*modules)


class DenseEncoder(Layers):
    """Images (N, C, H, W) → features (N, `features`): flattened, then dense layers of the widths `extra_dense`."""

    def __init__(self, config: ModelConfig) -> None:
        modules: list[nn.Module] = [nn.Flatten()]
        features = math.prod(config.shape)
        for width in config.extra_dense:
            modules += [Linear(features, width), nn.LeakyReLU(config.slope)]
            features = width
        super().__init__(*modules)
        self.features = features


class DenseDecoder(Layers):
    """Codes (N, d) → logits or means of the pixels (N, C, H, W): the dense encoder mirrored."""

    def __init__(self, config: ModelConfig) -> None:
        height, width, channels = config.shape
        modules: list[nn.Module] = []
        features = config.z_dim
        for layer in config.extra_dense[::-1]:
            modules += [Linear(features, layer), nn.LeakyReLU(config.slope)]
            features = layer
        modules += [Linear(features, math.prod(config.shape)), nn.Unflatten(1, (channels, height, width))]
        super().__init__(*modules)


def encoder_of(config: ModelConfig, own: nn.Module | None) -> tuple[nn.Module, int]:
    """Make the encoder that `config.network` names, or try the user's own, and count its features."""
    if config.network == "own":
        encoder = _brought("encoder", own)
        return encoder, features_of(encoder, config)
    _not_brought("encoder", own, config)
    made = DenseEncoder(config) if config.network == "mlp" else ConvEncoder(config)
    return made, made.features


def decoder_of(config: ModelConfig, own: nn.Module | None) -> nn.Module:
    """Make the decoder that `config.network` names, or try the user's own."""
    if config.network == "own":
        decoder = _brought("decoder", own)
        check_decoder(decoder, config)
        return decoder
    _not_brought("decoder", own, config)
    return DenseDecoder(config) if config.network == "mlp" else ConvDecoder(config)


def _brought(name: str, module: nn.Module | None) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise ParameterError(
            name, "be passed as a module: the model is made of your own, whose code is not kept", module
        )
    return module


def _not_brought(name: str, module: nn.Module | None, config: ModelConfig) -> None:
    if module is not None:
        raise ParameterError(name, f"be left out for the network {config.network}", type(module).__name__)


def spectral_(decoder: nn.Module) -> None:
    """Divide each weight of a decoder by its largest singular value, which one power iteration a step follows.

    Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"; in an autoencoder the RAE-SN of
    Ghosh et al. 2020. A kernel is taken as the matrix of its output filters.
    """
    for layer in list(decoder.modules()):
        if isinstance(layer, SameConv2d | SameConvTranspose2d | nn.Linear):
            spectral_norm(layer, dim=1 if isinstance(layer, SameConvTranspose2d) else 0)
