"""How an agreement claim is decided: by upper bounds of its effects, never by the lack of significance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from zscope.measures.words import counted
from zscope.nulls.base import percent
from zscope.nulls.claims import CLAIMS, CONFIDENCE, LEVEL
from zscope.nulls.outcome import Outcome


@dataclass(frozen=True)
class Bound:
    """One deciding figure of an agreement claim: how large its effect is, and how large it may be.

    Attributes
    ----------
    statistic : str
        Name of the figure.
    effect : float
        0 for perfect agreement.
    by_chance : float
        What the effect of the null draws is on average.
    slack : float
        Half width of the confidence interval.
    p : float
        Corrected p-value.
    """

    statistic: str
    effect: float
    by_chance: float
    slack: float
    p: float

    @property
    def lower(self) -> float:
        """Lower bound of what the effect is beyond that of chance, which is much where codes are few."""
        return self.effect - max(self.slack, self.by_chance)

    @property
    def upper(self) -> float:
        """Upper bound of the effect, which is a share."""
        return min(self.effect + self.slack, 1.0)


@dataclass(frozen=True)
class Agreement:
    """What the bounds allow to say.

    Attributes
    ----------
    holds : bool or None
        None: undecided.
    strength : {"clear", "narrow", "undecided"}
        Clear: the upper bound is under half of the margin, or the lower bound above it by half as much again.
    bound : Bound
        The figure it rests on: of those that say that it does not hold the one with the largest effect, otherwise the
        one with the largest upper bound.
    why : str
        Why it is undecided, in words without a full stop; empty where it is decided.
    """

    holds: bool | None
    strength: Literal["clear", "narrow", "undecided"]
    bound: Bound
    why: str


def margin_of(claim: str) -> float:
    """Margin of an agreement claim.

    Parameters
    ----------
    claim : str
        Its name in `zscope.nulls.CLAIMS`.

    Returns
    -------
    float
        In the units of its effect.
    """
    margin = CLAIMS[claim].margin
    if margin is None:
        raise ValueError(f"{claim} has no margin")
    return margin


def distance_slack(n: int, m: int | None = None) -> float:
    """How far the distance that was seen may lie below that of the distributions, with 99 % confidence.

    Dvoretzky–Kiefer–Wolfowitz with Massart's constant (Massart 1990): sup |F_n − F| ≤ sqrt(ln(2 / α) / 2n) with
    probability 1 − α; for two samples half of α for either. It holds too for the largest of many distances without a
    correction for their number: the largest true distance belongs to one fixed axis, and what was seen of that axis is
    no more than the largest that was seen. Where mean and sd are the sample's own, it bounds the distance from that
    very normal law.

    Parameters
    ----------
    n : int
        Size of the sample.
    m : int, optional
        Size of the sample that it is held against; a known law by default.

    Returns
    -------
    float
        To be added to the distance.
    """
    if m is None:
        return float(np.sqrt(np.log(2 / (1 - CONFIDENCE)) / (2 * n)))
    alpha = (1 - CONFIDENCE) / 2
    return float(np.sqrt(np.log(2 / alpha) / (2 * n)) + np.sqrt(np.log(2 / alpha) / (2 * m)))


def distance_bound(outcome: Outcome, statistic: str, pool: int | None = None) -> Bound:
    """Bound a Kolmogorov–Smirnov distance.

    Parameters
    ----------
    outcome : Outcome
        From a null whose draws show what distance chance makes.
    statistic : str
        Name of a figure that is such a distance.
    pool : int, optional
        Number of values it is held against; a known law by default.

    Returns
    -------
    Bound
        Its effect is the distance itself.
    """
    at = _column(outcome, statistic)
    return Bound(
        statistic,
        float(outcome.data[at]),
        float(outcome.draws[:, at].mean()),
        distance_slack(outcome.n, pool),
        float(outcome.p[at]),
    )


def accuracy_bound(outcome: Outcome, statistic: str, guesses: int) -> Bound:
    """Bound a classifier's accuracy.

    Half width of the interval: the 99 % quantile of the normal law times the standard deviation over the null draws or
    that of so many independent guesses, whichever is larger.

    Parameters
    ----------
    outcome : Outcome
        From a null whose draws show what accuracy chance makes.
    statistic : str
        Name of a figure that is an accuracy, of codes and of draws against the same reference.
    guesses : int
        How many guesses it is the mean of.

    Returns
    -------
    Bound
        Its effect is the distance from the mean accuracy of the draws, to either side. That mean is not quite 1/2:
        clouds that share mean and covariance avoid their own points a little, by about d² / 2n in the logarithm of the
        density.
    """
    at = _column(outcome, statistic)
    draws = outcome.draws[:, at]
    spread = float(draws.std(ddof=1)) if len(draws) > 1 else 0.0
    return Bound(
        statistic,
        abs(float(outcome.effects[at])),
        float(np.abs(draws - draws.mean()).mean()),
        float(ndtri(CONFIDENCE)) * max(spread, float(np.sqrt(0.25 / guesses))),
        float(outcome.p[at]),
    )


def _column(outcome: Outcome, statistic: str) -> int:
    return [one.name for one in outcome.statistics].index(statistic)


def agree(bounds: Sequence[Bound], margin: float, outcome: Outcome) -> Agreement:
    """Decide an agreement claim.

    It holds if every upper bound lies under the margin; it does not hold if some figure is significant, corrected for
    all of them, and its lower bound lies above the margin; between it is undecided. Either is wrong about an effect of
    just the margin in one of a hundred cases at most.

    Parameters
    ----------
    bounds : sequence of Bound
        One a deciding figure, at least one.
    margin : float
        Bound on the effects.
    outcome : Outcome
        What the bounds were taken from.

    Returns
    -------
    Agreement
        With the figure it rests on.
    """
    widest = max(bounds, key=lambda bound: bound.upper)
    if widest.upper < margin:
        return Agreement(True, "clear" if widest.upper < margin / 2 else "narrow", widest, "")
    apart = [bound for bound in bounds if bound.p <= LEVEL and bound.lower > margin]
    if apart:
        largest = max(apart, key=lambda bound: bound.effect)
        return Agreement(False, "clear" if largest.lower > 1.5 * margin else "narrow", largest, "")
    return Agreement(None, "undecided", widest, _why_undecided(bounds, widest, margin, outcome))


def codes_to_decide(bounds: Sequence[Bound], margin: float, n: int) -> int:
    """About how many codes it takes for every upper bound to fall under the margin where there is no difference.

    The effect by chance and the slack of distances fall with the root of the number of codes.

    Parameters
    ----------
    bounds : sequence of Bound
        From `n` codes.
    margin : float
        Bound on the effects.
    n : int
        Number of codes.

    Returns
    -------
    int
        Rounded up to hundreds.
    """
    most = max(bound.by_chance + bound.slack for bound in bounds)
    return int(np.ceil(n * (most / margin) ** 2 / 100)) * 100


def _why_undecided(bounds: Sequence[Bound], widest: Bound, margin: float, outcome: Outcome) -> str:
    if outcome.least_p > LEVEL:
        return f"{counted(len(outcome.draws), 'null draw')} can never reach p = {LEVEL:g}"
    if any(bound.p <= LEVEL for bound in bounds):
        return f"there is a difference, but it may be under the margin or above it (up to {percent(widest.upper, 1)})"
    needed = codes_to_decide(bounds, margin, outcome.n)
    more = f"to decide it takes about {needed:,} codes" if needed > outcome.n else "more codes would decide it"
    return (
        f"no difference is certain at the {percent(LEVEL)} level, but one of up to {percent(widest.upper, 1)} cannot "
        f"be excluded; {more}"
    )


def guessed(outcome: Outcome, statistic: str, what: str) -> str:
    """Say how well a classifier guesses.

    Parameters
    ----------
    outcome : Outcome
        From a null.
    statistic : str
        Name of a figure that is an accuracy.
    what : str
        What one of the points is.

    Returns
    -------
    str
        Without a full stop.
    """
    effect = float(outcome.effects[_column(outcome, statistic)])
    more = "more" if effect >= 0 else "less"
    share = percent(abs(effect), 1)
    return f"guessing by them whether a point is a {what} is right {share} {more} often than for draws of the null"


def bounded(bound: Bound, margin: float, outcome: Outcome, what: str = "codes") -> str:
    """Say an upper bound with all that it depends on.

    Parameters
    ----------
    bound : Bound
        The figure.
    margin : float
        What it is held to.
    outcome : Outcome
        What the bound was taken from.
    what : str
        What the points are.

    Returns
    -------
    str
        To be read after the effect and a comma.
    """
    used = f"{outcome.n:,} {what}" if outcome.n == outcome.of else f"{outcome.n:,} of {outcome.of:,} {what}"
    return (
        f"at most {percent(bound.upper, 1)} with {percent(CONFIDENCE)} confidence (margin {percent(margin)}, "
        f"p = {bound.p:.2g}, {used})"
    )
