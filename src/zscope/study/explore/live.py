"""Columns that nobody measured and that are computed when they are asked for, in seconds to half a minute."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zscope.measures.fragmentation import NEAR
from zscope.measures.neighbours import nearest_neighbours
from zscope.study.explore.kept import Pictures
from zscope.typing import CodeArray, ImageArray

MOST_PRODUCTS = 2e11
"""N² d up to which the neighbours of all codes are looked for: some seconds."""

MOST_VALUES = 5e8
"""N · H · W · C up to which all codes are decoded: half a minute."""

_DECODED = 512


def neighbour_distances(codes: CodeArray, splits: NDArray[np.str_]) -> NDArray[np.float32]:
    """Distance of each code to the 10th nearest one of its own split, as ``zscope measure --maps`` keeps it.

    Parameters
    ----------
    codes : ndarray of shape (N, d), float32
        The codes.
    splits : ndarray of shape (N,)
        Split of each.

    Returns
    -------
    ndarray of shape (N,), float32
        In latent units; NaN in a split of 10 codes or fewer.
    """
    found = np.full(len(codes), np.nan, np.float32)
    for split in np.unique(splits):
        rows = np.flatnonzero(splits == split)
        if len(rows) > NEAR:
            found[rows] = nearest_neighbours(codes[rows], NEAR).distances[:, -1]
    return found


def reconstruction_errors(
    codes: CodeArray, pictures: Pictures, decode: Callable[[CodeArray], ImageArray]
) -> NDArray[np.float32]:
    """Root mean square difference between each image and what its code decodes to.

    Parameters
    ----------
    codes : ndarray of shape (N, d), float32
        The codes.
    pictures : Pictures
        Their images.
    decode : callable
        Codes to images.

    Returns
    -------
    ndarray of shape (N,), float32
        Over all pixels and channels, of values from 0 to 1.
    """
    found = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), _DECODED):
        rows = np.arange(start, min(start + _DECODED, len(codes)))
        found[rows] = pixel_errors(pictures.of(rows), decode(codes[rows]))
    return found


def pixel_errors(images: ImageArray, others: ImageArray) -> NDArray[np.float64]:
    """Root mean square differences (n,) of images (n, H, W, C) over pixels and channels, of values from 0 to 1."""
    apart = (images.astype(np.float64) - others) / 255
    return np.asarray(np.sqrt(np.square(apart).mean(axis=(1, 2, 3))))
