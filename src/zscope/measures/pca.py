"""Principal components of codes: how much of their variance lies along how few directions."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import mean_and_covariance
from zscope.measures.base import LatentCodes, Measure, Measurement, finite_or_none
from zscope.typing import Json, Progress

_LISTED = 512
_SHARES = (90, 95, 99)


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Directions of codes, ordered by variance.

    Attributes
    ----------
    centre : ndarray of shape (d,), float64
        Mean of the codes.
    components : ndarray of shape (d, d), float64
        One unit vector a row; the largest of its entries by size is positive, so that the sign is always the same.
    variances : ndarray of shape (d,), float64
        Variance along each, falling, in squared latent units.
    """

    centre: NDArray[np.float64]
    components: NDArray[np.float64]
    variances: NDArray[np.float64]

    def project(self, codes: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Coordinates of codes along the first components.

        Parameters
        ----------
        codes : ndarray of shape (n, d)
            Codes, of the same cloud or another.
        count : int
            How many components, 1 … d.

        Returns
        -------
        ndarray of shape (n, count), float32
            (codes − centre) · components, in latent units.
        """
        directions = self.components[:count].T
        return np.asarray(codes @ directions - self.centre @ directions, dtype=np.float32)


def principal_axes(codes: NDArray[Any]) -> PrincipalAxes:
    """Principal axes by the eigenvectors of the covariance, in double precision.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Finite numbers.

    Returns
    -------
    PrincipalAxes
        All d of them.
    """
    centre, covariance = mean_and_covariance(codes)
    variances, vectors = np.linalg.eigh(covariance)
    components = vectors[:, ::-1].T
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return PrincipalAxes(centre, components * signs[:, None], np.maximum(variances[::-1], 0.0))


@dataclass(frozen=True)
class PrincipalComponentsMeasure(Measure):
    """Explained variance of the principal components, and their effective number."""

    name: ClassVar[str] = "pca"
    title: ClassVar[str] = "Principal components"

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there is any variance to explain.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return "all codes are the same point" if np.all(codes.mean == codes.mean[0]) else None

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        variances = principal_axes(codes.mean).variances
        total = float(variances.sum())
        explained = variances / total
        cumulative = np.minimum(np.cumsum(explained), 1.0)
        # A hair of slack, since the last cumulative share is 1 only up to rounding.
        needed: dict[str, Json] = {
            str(share): int(np.searchsorted(cumulative, share / 100 - 1e-12)) + 1 for share in _SHARES
        }
        return Measurement(
            self.name,
            {
                "explained": explained[:_LISTED].tolist(),
                "cumulative": cumulative[:_LISTED].tolist(),
                "needed": needed,
                "participation_ratio": finite_or_none(total**2 / float(variances @ variances)),
                "total_variance": total,
            },
        )
