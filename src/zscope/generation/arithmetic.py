"""Vector arithmetic: the direction in which codes with an attribute differ from codes without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError
from zscope.generation.meaning import Auc, auc_below
from zscope.measures.pca import principal_axes
from zscope.typing import CodeArray

LEADING = 10
"""Principal axes that a direction is held against."""


@dataclass(frozen=True, eq=False)
class AttributeVector:
    """The difference of two means of codes.

    Attributes
    ----------
    vector : ndarray of shape (d,), float64
        Mean of the codes with the attribute minus mean of those without, in latent units; adding it once takes the mean
        of the one group to the mean of the other.
    n_with, n_without : int
        Codes in the groups.
    spread : float
        Its length over the standard deviation of all these codes along it.
    leading : tuple of float
        Cosines with the first principal axes of all codes, at most `LEADING`.
    by_chance : float
        Root mean square cosine of a random direction with an axis, 1/√d.
    """

    vector: NDArray[np.float64]
    n_with: int
    n_without: int
    spread: float
    leading: tuple[float, ...]
    by_chance: float

    @property
    def length(self) -> float:
        """|v| in latent units."""
        return float(np.linalg.norm(self.vector))

    def score(self, codes: CodeArray) -> NDArray[np.float64]:
        """Coordinates of codes (n, d) along the vector, in latent units, shape (n,)."""
        scores: NDArray[np.float64] = codes.astype(np.float64) @ (self.vector / self.length)
        return scores


def attribute_vector(
    codes: CodeArray, has: NDArray[np.bool_], known: NDArray[np.bool_] | None = None
) -> AttributeVector:
    """Find the direction of an attribute: v = mean(z | with) − mean(z | without).

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Codes; their principal axes are those of all of them.
    has : ndarray of shape (N,), bool
        Whether a code has the attribute.
    known : ndarray of shape (N,), bool, optional
        Whether that is known; the others are in neither group.

    Returns
    -------
    AttributeVector
        Of the codes given; whether it holds for others is for `separation` to say.

    Raises
    ------
    CodesError
        A group is empty, or both have the same mean.
    """
    sure = np.ones(len(codes), bool) if known is None else known
    first, second = sure & has, sure & ~has
    for group, name in ((first, "with"), (second, "without")):
        if not group.any():
            raise CodesError(f"an attribute vector needs codes with and without it: there is none {name} it")
    vector = codes[first].mean(axis=0, dtype=np.float64) - codes[second].mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not length > 0:
        raise CodesError("codes with and without the attribute have the same mean: there is no direction")
    along = codes[sure].astype(np.float64) @ (vector / length)
    axes = principal_axes(codes).components[:LEADING]
    return AttributeVector(
        vector,
        int(first.sum()),
        int(second.sum()),
        length / float(along.std()),
        tuple(map(float, axes @ (vector / length))),
        1 / np.sqrt(codes.shape[1]),
    )


def separation(scores: NDArray[np.float64], has: NDArray[np.bool_]) -> Auc:
    """Area under the receiver's curve of a score by which codes with an attribute lie above those without it.

    AUC = P(s_with > s_without) + P(s_with = s_without)/2, with the interval of `zscope.generation.meaning.auc_below`.

    Parameters
    ----------
    scores : ndarray of shape (N,)
        Of codes with and without the attribute.
    has : ndarray of shape (N,), bool
        Which of them have it.

    Returns
    -------
    Auc
        1 is perfect and 0.5 chance, with an interval of 95 %.

    Raises
    ------
    CodesError
        A group is empty.
    """
    n = int(has.sum())
    if not 0 < n < len(has):
        raise CodesError(f"telling groups apart needs codes of both, got {n} with and {len(has) - n} without")
    # The smaller values of what is ordered there are to be those of the first group.
    return auc_below(-scores, has)


def along(code: CodeArray, vector: NDArray[np.float64], factors: NDArray[np.float64]) -> CodeArray:
    """Codes z + f v for every factor f: (d,), (d,), (n,) → (n, d), float32."""
    moved: CodeArray = (code.astype(np.float64) + factors[:, None] * vector).astype(np.float32)
    return moved
