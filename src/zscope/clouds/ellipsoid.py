"""The core of the codes: the inside of a confidence ellipsoid."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.elliptical import moved_to
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, row_chunks, shrunk, whitener
from zscope.errors import ParameterError
from zscope.typing import CodeArray


class EllipsoidCloud(Cloud):
    """z = μ + m v^(1/r) F u: uniform inside the ellipsoid in the codes' principal axes that holds a share q of them.

    m is the quantile q of the codes' Mahalanobis radii |F⁺(z − μ)|, F Fᵀ their covariance, u uniform on the sphere in
    r dimensions and v uniform in 0 … 1. Keeps the ellipsoid and cuts off what lies outside it; smaller q are nested
    confidence ellipsoids. Breaks how codes are spread inside it. Nearly all of a ball in many dimensions is near its
    surface, and so are these draws: their median radius is 2^(−1/r) m, their mean one r / (r + 1) m.

    Of fewer than 4 d codes the covariance is shrunk as in `covariance`.

    Parameters
    ----------
    share : float
        q, above 0 and at most 1.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    factor_ : ndarray of shape (d, r)
        F, r the rank.
    radius_ : float
        m, no unit.
    """

    name: ClassVar[str] = "ellipsoid"
    keeps: ClassVar[str] = "mean, and the ellipsoid that holds most codes"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {"mean_": "d", "factor_": "d r", "radius_": ""}

    mean_: NDArray[np.float64]
    factor_: NDArray[np.float64]
    radius_: float

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    @property
    def label(self) -> str:
        """The cloud in words."""
        return f"uniform in the ellipsoid of {100 * self.share:g} % of the codes"

    @property
    def spec(self) -> str:
        """The text that makes this cloud again."""
        return f"{self.name}:{self.share!r}".removesuffix(".0")

    @classmethod
    def from_figure(cls, figure: str) -> "EllipsoidCloud":
        """Make the cloud from the share of the codes that its ellipsoid holds.

        Parameters
        ----------
        figure : str
            A number above 0 and at most 1.

        Returns
        -------
        EllipsoidCloud
            Not yet fitted.

        Raises
        ------
        ParameterError
            If it is no such number.
        """
        try:
            share = float(figure)
        except ValueError:
            raise ParameterError("share of the ellipsoid", "be a number", figure) from None
        _check_share(share)
        return cls(share)

    def _fit(self, codes: NDArray[Any]) -> None:
        _check_share(self.share)
        self.mean_, covariance = mean_and_covariance(codes)
        self.factor_ = gaussian_factor(shrunk(covariance, codes)[0])
        inverse = whitener(self.factor_)
        radii = [np.linalg.norm((codes[rows] - self.mean_) @ inverse, axis=1) for rows in row_chunks(len(codes))]
        self.radius_ = float(np.quantile(np.concatenate(radii), self.share))

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        rank = self.factor_.shape[1]
        for rows in row_chunks(n):
            directions = rng.standard_normal((rows.stop - rows.start, rank))
            radii = self.radius_ * rng.random(len(directions)) ** (1 / max(rank, 1))
            drawn[rows] = self.mean_ + moved_to(radii, directions) @ self.factor_.T
        return drawn


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise ParameterError("share of the ellipsoid", "be above 0 and at most 1", share)
