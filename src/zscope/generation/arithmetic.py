"""Vector arithmetic: the direction in which codes with an attribute differ from codes without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from zscope.errors import CodesError
from zscope.measures.pca import principal_axes
from zscope.typing import CodeArray, JsonDict

LEADING = 10
"""Principal axes that a direction is held against."""

_LEVEL = 0.95


@dataclass(frozen=True)
class Auc:
    """How well a score tells two groups apart.

    Attributes
    ----------
    value : float
        Probability that a member of the first group scores above one of the second (a tie counts half).
    low, high : float
        Interval of 95 %.
    n_with, n_without : int
        Members of the groups.
    """

    value: float
    low: float
    high: float
    n_with: int
    n_without: int

    def as_json(self) -> JsonDict:
        """Give the figures as JSON takes them."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n_with": self.n_with,
            "n_without": self.n_without,
        }


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


def separation(with_it: NDArray[np.float64], without: NDArray[np.float64]) -> Auc:
    """Area under the receiver's curve, with DeLong's interval (DeLong, DeLong and Clarke-Pearson 1988).

    AUC = P(s₁ > s₂) + P(s₁ = s₂)/2. Its variance is Var(V₁)/n₁ + Var(V₂)/n₂, V₁ the share of the second group below
    each of the first, V₂ the other way. Where the groups do not overlap this variance is 0; then the far end of the
    interval is that of as many successes in a row as the smaller group has members (Clopper and Pearson 1934).

    Parameters
    ----------
    with_it, without : ndarray of shape (n₁,) and (n₂,)
        Scores, at least two in each group.

    Returns
    -------
    Auc
        With an interval of 95 %.

    Raises
    ------
    CodesError
        A group has fewer than two members.
    """
    n, m = len(with_it), len(without)
    if min(n, m) < 2:
        raise CodesError(f"telling groups apart needs at least 2 of each, got {n} and {m}")
    ranks = rankdata(np.concatenate([with_it, without]))
    above = (ranks[:n] - rankdata(with_it)) / m
    below = 1 - (ranks[n:] - rankdata(without)) / n
    value = float(above.mean())
    width = float(norm.ppf((1 + _LEVEL) / 2) * np.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m))
    far = ((1 - _LEVEL) / 2) ** (1 / min(n, m))
    low = far if value == 1 else max(0.0, value - width)
    high = 1 - far if value == 0 else min(1.0, value + width)
    return Auc(value, low, high, n, m)


def along(code: CodeArray, vector: NDArray[np.float64], factors: NDArray[np.float64]) -> CodeArray:
    """Codes z + f v for every factor f: (d,), (d,), (n,) → (n, d), float32."""
    moved: CodeArray = (code.astype(np.float64) + factors[:, None] * vector).astype(np.float32)
    return moved
