"""The convolutional encoder and its mirrored decoder."""

import math
from collections.abc import Iterator

from torch import nn

from zscope.models.config import ModelConfig
from zscope.models.layers import SameConv2d, SameConvTranspose2d


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


class ConvEncoder(nn.Sequential):
    """Images (N, C, H, W) → features (N, `features`): convolutions, flattened, then any extra dense layers."""

    def __init__(self, config: ModelConfig) -> None:
        modules: list[nn.Module] = []
        channels, edges = config.channels, sizes(config)
        for layer, size in zip(config.layers, edges, strict=False):
            modules += [SameConv2d(channels, layer.filters, layer.kernel, layer.stride, size)]
            modules += _activation(config, layer.filters)
            channels = layer.filters
        modules.append(nn.Flatten())
        features = channels * edges[-1][0] * edges[-1][1]
        for width in config.extra_dense:
            modules += [nn.Linear(features, width), nn.LeakyReLU(config.slope)]
            features = width
        super().__init__(*modules)
        self.features = features


class ConvDecoder(nn.Sequential):
    """Codes (N, d) → logits or means of the pixels (N, C, H, W): the encoder's layers mirrored."""

    def __init__(self, config: ModelConfig) -> None:
        edges = sizes(config)
        *inner, last = config.layers[::-1]
        modules: list[nn.Module] = []
        features = config.z_dim
        for width in config.extra_dense[::-1]:
            modules += [nn.Linear(features, width), nn.LeakyReLU(config.slope)]
            features = width
        channels = config.layers[-1].filters
        modules += [nn.Linear(features, channels * math.prod(edges[-1])), nn.Unflatten(1, (channels, *edges[-1]))]
        # Each transposed layer undoes one convolution's stride and leaves the filters of the one before it.
        for position, layer in enumerate(inner):
            filters = config.layers[len(inner) - 1 - position].filters
            modules += [SameConvTranspose2d(channels, filters, layer.kernel, layer.stride, edges[-2 - position])]
            modules += _activation(config, filters)
            channels = filters
        modules += [SameConvTranspose2d(channels, config.channels, last.kernel, last.stride, edges[0])]
        super().__init__(*modules)
