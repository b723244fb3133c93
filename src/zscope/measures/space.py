"""A model's codes of images that other models have encoded too, and what comparisons need of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zscope.errors import CodesError
from zscope.measures.base import LatentCodes
from zscope.measures.histogram import smooth_peak
from zscope.measures.inertia import InertiaMeasure
from zscope.measures.neighbours import Neighbours, nearest_neighbours
from zscope.measures.pca import principal_axes
from zscope.measures.radius import radii
from zscope.typing import CodeArray

NEIGHBOURS = 10
"""Neighbours of each image whose names are compared."""

LEAST_IMAGES = 8
"""Fewer images leave no half on which a linear map could be tried."""

_MOST_CENTRES, _CENTRES_STEP = 50, 8


@dataclass(frozen=True, eq=False)
class Ridge:
    """Codes made ready to predict any target linearly: turned into the principal axes of the fitting half.

    Attributes
    ----------
    fitting : ndarray of shape (n / 2, d), float32
        Coordinates of the first half of the images, about their mean.
    held : ndarray of shape (n − n / 2, d), float32
        Those of the other half, about the same mean.
    squares : ndarray of shape (d,), float64
        Sum of squares of each coordinate over the fitting half.
    """

    fitting: NDArray[np.float32]
    held: NDArray[np.float32]
    squares: NDArray[np.float64]


class Space:
    """A model's codes of the images that all compared models have encoded, and what is computed of them once.

    Attributes
    ----------
    codes : ndarray of shape (n, d), float32
        Row i is image i. The images are in random order: the first half of them fits linear maps, on the other half the
        maps are judged, and the first `queries` of them ask for neighbours.
    queries : int
        At most so many images are asked for their neighbours.
    """

    def __init__(self, codes: CodeArray, queries: int = 2_000) -> None:
        self.codes = codes
        self.queries = queries

    @classmethod
    def of(cls, codes: ArrayLike, queries: int = 2_000) -> "Space":
        """Check codes and make them float32.

        Parameters
        ----------
        codes : array-like of shape (n, d)
            Finite numbers, at least 8 rows, in random order.
        queries : int
            At most so many rows are asked for their neighbours.

        Returns
        -------
        Space
            Nothing of it is computed yet.

        Raises
        ------
        CodesError
            If these are no codes, or fewer than 8.
        """
        checked = LatentCodes.of(codes).mean
        if len(checked) < LEAST_IMAGES:
            raise CodesError(f"codes must be of at least {LEAST_IMAGES} images, got {len(checked)}")
        return cls(checked, queries)

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.codes)

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """Codes about their mean, divided by the root of their total variance (divisor n); zero where there is none."""
        centred = self.codes - self.codes.mean(axis=0, dtype=np.float64)
        scale = float(np.sqrt(np.square(centred).sum() / self.n))
        if scale <= np.finfo(np.float32).eps * float(np.abs(self.codes).max()):
            return np.zeros_like(self.codes)
        return np.asarray(centred / scale, dtype=np.float32)

    @cached_property
    def ridge(self) -> Ridge:
        """The codes as predictors."""
        half = self.n // 2
        axes = principal_axes(self.unit[:half])
        d = self.unit.shape[1]
        fitting, held = axes.project(self.unit[:half], d), axes.project(self.unit[half:], d)
        return Ridge(fitting, held, np.square(fitting).sum(axis=0, dtype=np.float64))

    @cached_property
    def self_product(self) -> tuple[float, float]:
        """Both kinds of `cross_product` of the codes with themselves."""
        return cross_product(self.unit, self.unit)

    @cached_property
    def neighbours(self) -> Neighbours:
        """The 10 nearest images of every query, or all others where there are fewer."""
        asked = np.arange(min(self.queries, self.n))
        return nearest_neighbours(self.codes, min(NEIGHBOURS, self.n - 1), queries=asked)

    @cached_property
    def variances(self) -> NDArray[np.float64]:
        """Share of the variance along each principal component, falling; zeros where the codes do not vary."""
        return principal_axes(self.unit).variances * (self.n - 1) / self.n

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """Lengths of the codes, rising, in latent units."""
        return np.sort(radii(self.codes))

    @cached_property
    def peak(self) -> float:
        """Most frequent radius by a kernel estimate, in latent units."""
        return smooth_peak(self.radii).place

    @cached_property
    def inertia(self) -> NDArray[np.float64]:
        """Inertia per point of k-means for 2, 10, … 50 centres as a share of the total variance (divisor n).

        As many of these numbers as there are four images to each centre; none where the codes do not vary.
        """
        if not self.unit.any():
            return np.empty(0)
        measure = InertiaMeasure(most=min(_MOST_CENTRES, self.n // 4), step=_CENTRES_STEP)
        # One seed for every model: the curves then differ by the codes alone.
        found: Any = measure.measure(LatentCodes(self.unit), np.random.default_rng(0)).values
        return np.asarray(found["inertia"], dtype=np.float64)


def cross_product(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """‖XᵀY‖² of centred codes, and the same estimated without bias.

    With the kernels K = XXᵀ and L = YYᵀ the first is tr(KL). The second is Song's estimate for kernels without their
    diagonals, times n (n − 3): centred rows sum to zero in K and L, so that with the squared lengths r and t of the
    codes it is ‖XᵀY‖² − Σ r t + Σ r Σ t / ((n − 1)(n − 2)) − 2 Σ r t / (n − 2).

    Parameters
    ----------
    one, other : ndarray of shape (n, d) and (n, d′), float32
        Centred codes of the same images.

    Returns
    -------
    biased, unbiased : float
        Both grow with n².
    """
    n = len(one)
    plain = float(np.square((one.T @ other).astype(np.float64)).sum())
    r = np.square(one).sum(axis=1, dtype=np.float64)
    t = np.square(other).sum(axis=1, dtype=np.float64)
    both = float(r @ t)
    return plain, plain - both + float(r.sum() * t.sum()) / ((n - 1) * (n - 2)) - 2 * both / (n - 2)
