"""What the judge's network is asked, so that its features see what images show and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.judging.network import judged_shape, reduced
from zscope.runs.store import RESERVED_COLUMNS
from zscope.typing import CodeArray, ImageArray

FEWEST_CLASSES, MOST_CLASSES, LEAST_COVERED = 2, 40, 0.9

THUMBNAIL = 16
"""Pixels of the longer side of thumbnails, which give the content and find copies."""

_COMPONENTS = 16
_FITTED = 4000


@dataclass(frozen=True, eq=False)
class LabelTask:
    """A label that the network learns.

    Attributes
    ----------
    name : str
        Of the column.
    classes : int
        How many values it has among the training images.
    targets : ndarray of shape (N,), int64
        Number of the value of each image of the store; −1 where it has none, or one that no training image has.
    """

    name: str
    classes: int
    targets: NDArray[np.int64]


def label_tasks(labels: pa.Table, rows: NDArray[np.int64], names: Sequence[str] | None) -> list[LabelTask]:
    """Choose the labels that can be learnt: 2 to 40 values, on at least 90 % of the training images.

    Parameters
    ----------
    labels : pyarrow.Table
        Of a store, a row an image.
    rows : ndarray of shape (n,)
        The training images.
    names : sequence of str, or None
        Columns to learn; None for all that will do.

    Returns
    -------
    list of LabelTask
        In the order of the columns.

    Raises
    ------
    ParameterError
        A column that was named is missing or will not do.
    """
    there = [name for name in labels.column_names if name not in RESERVED_COLUMNS]
    for name in names or ():
        if name not in there:
            raise ParameterError("labels", f"be among {', '.join(there) or 'none: the store has no labels'}", name)
    tasks = []
    for name in there if names is None else names:
        coded: NDArray[np.int64] = (
            labels[name].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        ).astype(np.int64)
        values = np.unique(coded[rows][coded[rows] >= 0])
        covered = float(np.mean(coded[rows] >= 0))
        if FEWEST_CLASSES <= len(values) <= MOST_CLASSES and covered >= LEAST_COVERED:
            places = np.searchsorted(values, coded).clip(max=len(values) - 1)
            tasks.append(LabelTask(name, len(values), np.where(values[places] == coded, places, -1)))
        elif names is not None:
            must = f"have {FEWEST_CLASSES} to {MOST_CLASSES} values on at least {LEAST_COVERED:.0%} of the images"
            raise ParameterError(f"label {name}", must, f"{len(values)} on {covered:.0%}")
    return tasks


@dataclass(frozen=True, eq=False)
class Content:
    """Leading principal components of thumbnails: what an image shows in broad strokes, without any label.

    Attributes
    ----------
    shape : tuple of three int
        Of the thumbnails.
    mean : ndarray of shape (p,)
        Mean thumbnail.
    directions : ndarray of shape (p, c)
        Components, divided by their standard deviations.
    """

    shape: tuple[int, int, int]
    mean: CodeArray
    directions: CodeArray

    @classmethod
    def of(cls, images: ImageArray, rng: np.random.Generator) -> "Content":
        """Find the components from at most 4,000 images, drawn at random.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            Training images.
        rng : numpy.random.Generator
            Draws among them.

        Raises
        ------
        ParameterError
            All are alike.
        """
        shape = judged_shape((int(images.shape[1]), int(images.shape[2]), int(images.shape[3])), THUMBNAIL)
        chosen = np.sort(rng.permutation(len(images))[:_FITTED])
        table = thumbnails(images[chosen], shape)
        mean = table.mean(axis=0)
        _, spreads, axes = np.linalg.svd(table - mean, full_matrices=False)
        sd = spreads / np.sqrt(len(table))
        if not sd[0] > 0:
            raise ParameterError(
                "images", "differ from each other", f"{len(images)} that are alike at {shape[:2]} pixels"
            )
        kept = min(_COMPONENTS, int(np.count_nonzero(sd > 1e-3 * sd[0])))
        return cls(shape, mean, np.asarray(axes[:kept].T / sd[:kept], dtype=np.float32))

    def targets(self, images: ImageArray) -> CodeArray:
        """Components of images (n, H, W, C), shape (n, c), of unit variance over the training images."""
        return np.asarray((thumbnails(images, self.shape) - self.mean) @ self.directions)


def thumbnails(images: ImageArray, shape: tuple[int, int, int]) -> CodeArray:
    """Bring images to a small size, a row each.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        Any number.
    shape : tuple of three int
        Height, width and channels.

    Returns
    -------
    ndarray of shape (n, height · width · C), float32
        In [0, 1].
    """
    return np.divide(reduced(images, shape).reshape(len(images), -1), 255, dtype=np.float32)
