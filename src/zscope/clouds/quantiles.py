"""Quantiles of sorted values, with what lies between two of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def between(values: NDArray[np.floating[Any]], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the empirical distribution function, interpolated: Q(u) = x_i + (u (N − 1) − i) (x_{i+1} − x_i).

    Parameters
    ----------
    values : ndarray of shape (N,)
        x, in rising order. Values that occur several times keep their share.
    shares : ndarray of shape (n,)
        u, in 0 … 1.

    Returns
    -------
    ndarray of shape (n,), float64
        From the smallest to the largest value, in their unit.
    """
    places = shares * (len(values) - 1)
    low = np.minimum(places.astype(np.int64), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    below = values[low].astype(np.float64)
    return np.asarray(below + (places - low) * (values[high] - below))
