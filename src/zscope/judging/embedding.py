"""From images to the features that they are judged by."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import ParameterError
from zscope.judging.network import LearnedFeatures, RandomFeatures, embedded, judged_shape, reduced
from zscope.judging.tasks import THUMBNAIL
from zscope.typing import CodeArray, ImageArray

_LEAST_SHARE = 1e-3
"""A feature that hardly varies among real images is scaled as if it had this share of the largest deviation."""


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """Features of n images.

    Attributes
    ----------
    learned : ndarray of shape (n, 32), float32
        Of the trained network, of mean 0 and standard deviation 1 over the training images.
    random : ndarray of shape (n, 32), float32
        Of the random network, likewise.
    pixels : ndarray of shape (n, p), uint8
        Thumbnails, by which copies are found.
    """

    learned: CodeArray
    random: CodeArray
    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.learned)

    def take(self, rows: NDArray[np.int64]) -> "ImageFeatures":
        """Features of some of the images."""
        return ImageFeatures(self.learned[rows], self.random[rows], self.pixels[rows])


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and standard deviation of features over the training images.

    Attributes
    ----------
    mean, sd : ndarray of shape (d,), float32
        In units of the network.
    """

    mean: CodeArray
    sd: CodeArray

    @classmethod
    def of(cls, features: CodeArray) -> Self:
        """Take them from features of shape (N, d)."""
        sd = np.asarray(features.std(axis=0, dtype=np.float64))
        least = max(_LEAST_SHARE * float(sd.max()), float(np.finfo(np.float32).tiny))
        mean = np.asarray(features.mean(axis=0, dtype=np.float64), dtype=np.float32)
        return cls(mean, np.maximum(sd, least).astype(np.float32))

    def __call__(self, features: CodeArray) -> CodeArray:
        """Features of mean 0 and standard deviation 1."""
        return np.asarray((features - self.mean) / self.sd, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Embedding:
    """The networks, and how their features are scaled.

    Attributes
    ----------
    shape : tuple of three int
        Height, width and channels of the images.
    network : LearnedFeatures
        Trained, on `device`.
    device : torch.device
        Where features are computed.
    learned, random : Scale
        Of the features of the two networks.
    """

    shape: tuple[int, int, int]
    network: LearnedFeatures
    device: torch.device
    learned: Scale
    random: Scale

    @classmethod
    def fitted(
        cls, shape: tuple[int, int, int], network: LearnedFeatures, device: torch.device, images: ImageArray
    ) -> tuple[Self, ImageFeatures]:
        """Scale the features by those of the training images, and give these too.

        Parameters
        ----------
        shape : tuple of three int
            Of the images as they are.
        network : LearnedFeatures
            Trained.
        device : torch.device
            Where features are computed.
        images : ndarray of shape (N, height, width, C), uint8
            Training images at the size at which they are judged.
        """
        learned, random, pixels = _raw(images, shape, network, device)
        scales = Scale.of(learned), Scale.of(random)
        made = cls(shape, network.to(device), device, *scales)
        return made, ImageFeatures(scales[0](learned), scales[1](random), pixels)

    def __call__(self, images: ImageArray) -> ImageFeatures:
        """Features of images.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            At least one, of the shape of the judge's images.

        Raises
        ------
        ParameterError
            There is none, or they have another shape or type.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 1 or images.shape[1:] != self.shape:
            height, width, channels = self.shape
            must = f"be uint8 of shape (n, {height}, {width}, {channels}), at least one, as those of the data set"
            raise ParameterError("images", must, f"{images.dtype} {images.shape}")
        small = judged_shape(self.shape)
        parts = [
            _raw(reduced(np.asarray(images[rows]), small), self.shape, self.network, self.device)
            for rows in row_chunks(len(images))
        ]
        learned, random, pixels = (np.concatenate(column) for column in zip(*parts, strict=True))
        return ImageFeatures(self.learned(learned), self.random(random), pixels)


def _raw(
    images: ImageArray, shape: tuple[int, int, int], network: LearnedFeatures, device: torch.device
) -> tuple[CodeArray, CodeArray, NDArray[np.uint8]]:
    """Features of both networks in their own units, and thumbnails."""
    learned = embedded(network.to(device), images, device)
    random = embedded(RandomFeatures(shape[2]).to(device), images, device)
    return learned, random, reduced(images, judged_shape(shape, THUMBNAIL)).reshape(len(images), -1)
