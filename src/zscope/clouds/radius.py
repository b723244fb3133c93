"""The radius cloud: the codes' distances from the origin, in directions of no preference."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.elliptical import moved_to
from zscope.clouds.moments import row_chunks
from zscope.clouds.quantiles import between
from zscope.typing import CodeArray


class RadiusCloud(Cloud):
    """z = r u: r from the distribution of the codes' own |z|, u uniform on the sphere around the origin.

    Keeps how far from the origin codes lie. Breaks where: their mean, their long and short axes, all else. Radii are
    drawn by the inverse of the empirical distribution function, interpolated, and so are new ones.

    Attributes
    ----------
    radii_ : ndarray of shape (N,)
        |z| of the codes in rising order, in latent units.
    """

    name: ClassVar[str] = "radius"
    keeps: ClassVar[str] = "radii about the origin"
    learnt: ClassVar[Mapping[str, str]] = {"radii_": "N"}

    radii_: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "the codes' own radii, any direction"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.radii_ = np.sort(
            np.concatenate([np.linalg.norm(codes[rows].astype(np.float64), axis=1) for rows in row_chunks(len(codes))])
        )

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        directions = rng.standard_normal((n, self.dimension_), dtype=np.float32)
        return moved_to(between(self.radii_, rng.random(n)), directions).astype(np.float32, copy=False)
