"""The networks that turn images into features: a small one that is trained, and one with fixed random weights."""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from zscope.models.tensors import as_tensor, to_uint8
from zscope.typing import CodeArray, ImageArray

SIDE: Final = 48
"""Pixels of the longer side at which images are judged; larger ones are made smaller by means over areas."""

FEATURES: Final = 32

_SMALL = 16
_BATCH = 500
_RANDOM_CHANNELS = (16, 32, 64)
_RANDOM_SEED = 20_140_901


def judged_shape(shape: tuple[int, int, int], side: int = SIDE) -> tuple[int, int, int]:
    """Height, width and channels at which images are judged.

    Parameters
    ----------
    shape : tuple of three int
        Height, width and channels of the images.
    side : int
        Most pixels of the longer side.

    Returns
    -------
    tuple of three int
        The same where the longer side is no longer than `side`, else with that side and the same proportions.
    """
    height, width, channels = shape
    longer = max(height, width)
    if longer <= side:
        return height, width, channels
    return max(1, round(height * side / longer)), max(1, round(width * side / longer)), channels


def reduced(images: ImageArray, shape: tuple[int, int, int]) -> ImageArray:
    """Bring images to a smaller size by means over areas.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        Any number.
    shape : tuple of three int
        Height, width and channels, see `judged_shape`.

    Returns
    -------
    ndarray of shape (n, height, width, C), uint8
        The images themselves where they have that size.
    """
    if images.shape[1:] == shape:
        return images
    parts = [
        functional.adaptive_avg_pool2d(as_tensor(images[start : start + _BATCH], "cpu"), shape[:2])
        for start in range(0, len(images), _BATCH)
    ]
    small = torch.cat(parts) if parts else torch.empty((0, shape[2], *shape[:2]))
    return to_uint8(small.permute(0, 2, 3, 1).numpy())


class LearnedFeatures(nn.Module):
    """A small convolutional network; its last layer but one gives the features.

    Parameters
    ----------
    shape : tuple of three int
        Height, width and channels at which images are judged.
    outputs : int
        Numbers that the tasks want, side by side.
    """

    def __init__(self, shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        height, width, channels = shape
        widths = (32, 64, 64) if max(height, width) <= _SMALL else (24, 48, 96)
        layers: list[nn.Module] = []
        for position, filters in enumerate(widths):
            # Small images keep their pixels in the first layer; larger ones are halved at once, by a wider kernel.
            whole = position == 0 and max(height, width) <= _SMALL
            kernel, stride = (3, 1) if whole else (5, 2) if position == 0 else (3, 2)
            layers += [
                nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm2d(filters),
                nn.LeakyReLU(0.1),
            ]
            channels = filters
            height, width = (-(-side // stride) for side in (height, width))
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.features = nn.Linear(channels * height * width, FEATURES)
        self.tasks = nn.Linear(FEATURES, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, C, height, width) in [0, 1] → features (n, 32)."""
        features: Tensor = self.features(self.trunk(images - 0.5))
        return features

    def answers(self, images: Tensor) -> Tensor:
        """Images → what the tasks want, side by side (n, outputs)."""
        answers: Tensor = self.tasks(functional.leaky_relu(self(images), 0.1))
        return answers


class RandomFeatures(nn.Module):
    """A convolutional network whose weights are random, orthogonal and always the same.

    Three scales, each half as fine as the one before; the means of every channel over the four quarters of the image
    tell what is where, and a random orthogonal projection brings them to 32 numbers. Nothing is learnt: what such
    features see does not depend on any task.

    Parameters
    ----------
    channels : int
        1 or 3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        rng = np.random.default_rng(_RANDOM_SEED)
        self.scales = nn.ModuleList()
        for filters in _RANDOM_CHANNELS:
            layer = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
            # He's gain keeps the size of what comes out through rectified layers.
            _set(layer.weight, _orthogonal(filters, channels * 9, rng) * np.sqrt(2 * max(1, 9 * channels / filters)))
            self.scales.append(layer)
            channels = filters
        self.projection = nn.Linear(4 * sum(_RANDOM_CHANNELS), FEATURES, bias=False)
        _set(self.projection.weight, _orthogonal(FEATURES, 4 * sum(_RANDOM_CHANNELS), rng))

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, C, height, width) in [0, 1] → features (n, 32)."""
        found = []
        values = images - 0.5
        for scale in self.scales:
            values = functional.relu(scale(values))
            found.append(functional.adaptive_avg_pool2d(values, 2).flatten(1))
            if min(values.shape[2:]) > 1:
                values = functional.avg_pool2d(values, 2)
        features: Tensor = self.projection(torch.cat(found, dim=1))
        return features


@torch.inference_mode()
def embedded(network: nn.Module, images: ImageArray, device: torch.device) -> CodeArray:
    """Features of images.

    Parameters
    ----------
    network : Module
        On `device`.
    images : ndarray of shape (n, height, width, C), uint8
        At the size at which they are judged.
    device : torch.device
        Where to compute.

    Returns
    -------
    ndarray of shape (n, d), float32
        In batches of 500.
    """
    network.eval()
    parts = [
        network(as_tensor(images[start : start + _BATCH], device)).float().cpu().numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty((0, FEATURES), np.float32)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> CodeArray:
    """Draw a matrix with orthonormal rows or, if there are more rows than columns, orthonormal columns."""
    tall = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))[0]
    return np.asarray(tall if rows >= columns else tall.T, dtype=np.float32)


def _set(weight: Tensor, values: CodeArray) -> None:
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)).reshape(weight.shape))
