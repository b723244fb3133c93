"""What a battery found against one null: figures of codes and draws, p-values, effects."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zscope.nulls.base import NullTest

Tail = Literal["high", "low", "both"]
EffectKind = Literal["ratio", "difference"]


@dataclass(frozen=True)
class Statistic:
    """One figure that is taken of codes and of null draws alike.

    Attributes
    ----------
    name : str
        As in ``measures.json``.
    tail : {"high", "low", "both"}
        Which side of the null speaks for the claim.
    effect : {"ratio", "difference"}
        The figure over the null's mean, or the figure minus the null's mean.
    decides : bool
        Whether its effect is what the claim's margin bounds. The others add evidence, and p-values of their own.
    """

    name: str
    tail: Tail = "high"
    effect: EffectKind = "difference"
    decides: bool = True


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one battery found against one null.

    Attributes
    ----------
    null : str
        Name of the null.
    statistics : tuple of Statistic
        S of them.
    data : ndarray of shape (S,)
        The codes' figures.
    draws : ndarray of shape (B, S)
        Those of the null draws.
    n, of : int
        Points tested of points there are.
    prepared : object
        What the battery prepared for this null.
    """

    null: str
    statistics: tuple[Statistic, ...]
    data: NDArray[np.float64]
    draws: NDArray[np.float64]
    n: int
    of: int
    prepared: Any = None

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Standardised figures of shape (B + 1, S), the codes' first, the larger the further to the claim's side.

        Mean and standard deviation are those of codes and draws together: all B + 1 are treated alike, so that under
        the null their order is exchangeable: p-values are exact for the nulls whose draws share all that the null
        keeps (`covariance`, `permuted`, `normal`), and nearly so for `copula` and `elliptical`.
        """
        all_of_them = np.concatenate([self.data[None], self.draws])
        centre, spread = all_of_them.mean(axis=0), all_of_them.std(axis=0)
        standard = (all_of_them - centre) / np.where(spread > 0, spread, 1.0)
        signs = {"high": 1.0, "low": -1.0}
        columns = [
            np.abs(column) if one.tail == "both" else signs[one.tail] * column
            for one, column in zip(self.statistics, standard.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    @cached_property
    def p(self) -> NDArray[np.float64]:
        """p-value of each statistic, corrected by the maximum over many (Westfall & Young 1993).

        (1 + number of draws whose largest score reaches the codes' score) / (B + 1). The largest is taken over the
        statistics that decide for one of these, and over all for the others: evidence costs the claim no power.
        """
        decide = np.array([one.decides for one in self.statistics])
        whole = self.scores[1:].max(axis=1)
        deciding = self.scores[1:][:, decide].max(axis=1) if decide.any() else whole
        largest = np.where(decide, deciding[:, None], whole[:, None])
        return np.asarray((1 + (largest >= self.scores[0]).sum(axis=0)) / (len(self.draws) + 1))

    @cached_property
    def effects(self) -> NDArray[np.float64]:
        """Effect of each statistic."""
        mean = self.draws.mean(axis=0)
        ratio = np.array([one.effect == "ratio" for one in self.statistics])
        return np.where(ratio, self.data / np.where(mean != 0, mean, 1.0), self.data - mean)

    @property
    def least_p(self) -> float:
        """The smallest p-value that so many draws can show."""
        return 1 / (len(self.draws) + 1)

    @property
    def used(self) -> str:
        """How many codes were tested, in words."""
        return f"{self.n:,} codes" if self.n == self.of else f"{self.n:,} of {self.of:,} codes"

    def tests(self) -> list[NullTest]:
        """Give every statistic as a test, as ``measures.json`` holds it.

        Returns
        -------
        list of NullTest
            With the corrected p-values.
        """
        sd = self.draws.std(axis=0, ddof=1) if len(self.draws) > 1 else np.zeros(len(self.statistics))
        return [
            NullTest(
                one.name,
                float(self.data[column]),
                self.null,
                float(self.draws[:, column].mean()),
                float(sd[column]),
                len(self.draws),
                float(self.p[column]),
                float(self.effects[column]),
                self.n,
                self.of,
            )
            for column, one in enumerate(self.statistics)
        ]
