"""How a structure claim is decided: one and the same figure beats every applicable null by more than the margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zscope.measures.words import counted
from zscope.nulls.claims import CLAIMS, LEVEL
from zscope.nulls.outcome import Outcome, Statistic

NULL_WORDS = {
    "covariance": "a Gaussian cloud with the codes' mean and covariance",
    "elliptical": "a cloud with the codes' ellipsoid and radii in it",
    "copula": "a cloud with the codes' axes and rank correlations",
}
"""Nulls in a sentence."""


@dataclass(frozen=True)
class Decision:
    """What the nulls allow to say of a structure claim.

    Attributes
    ----------
    holds : bool or None
        None where there are too few draws to say anything.
    strength : {"clear", "narrow", "not seen", "undecided"}
        Clear: beyond the margin by half as much again. Narrow: beyond it by less, or detectable and under it. Not seen:
        the codes do not beat every null, which is no proof that there is nothing.
    why : {"beyond", "too small", "not seen", "too few draws"}
        Beyond: significant and above the margin; too small: significant under every null, but under the margin.
    statistic : Statistic
        The figure it rests on: the one with the largest effect among those that decide.
    value : float
        The codes' own figure.
    p : float
        The largest p-value of that figure over all nulls.
    effect : float
        Its effect against the null that comes nearest to the codes.
    null : str
        That null.
    null_mean : float
        Mean of the figure over its draws.
    """

    holds: bool | None
    strength: Literal["clear", "narrow", "not seen", "undecided"]
    why: Literal["beyond", "too small", "not seen", "too few draws"]
    statistic: Statistic
    value: float
    p: float
    effect: float
    null: str
    null_mean: float


def decide(claim: str, outcomes: Sequence[Outcome]) -> Decision:
    """Decide a structure claim.

    It holds if there is a figure whose p-value, corrected for all figures of the claim, is at most 0.01 under every
    null, and whose effect is beyond the claim's margin against every null. For ratios beyond means below.

    Parameters
    ----------
    claim : str
        A structure claim of `zscope.nulls.CLAIMS`.
    outcomes : sequence of Outcome
        One a null, with the same statistics.

    Returns
    -------
    Decision
        Resting on the figure that is furthest beyond the margin among those with the smallest p-value.
    """
    margin = CLAIMS[claim].margin
    if margin is None:
        raise ValueError(f"{claim} has no margin")
    deciding = [column for column, one in enumerate(outcomes[0].statistics) if one.decides]
    best: tuple[tuple[bool, bool, float], Decision] | None = None
    for column in deciding:
        one = outcomes[0].statistics[column]
        p = max(float(outcome.p[column]) for outcome in outcomes)
        distances = [_beyond(one, float(outcome.effects[column]), margin) for outcome in outcomes]
        nearest = int(np.argmin(distances))
        outcome, distance = outcomes[nearest], distances[nearest]
        seen = p <= LEVEL
        holds = seen and distance > 0
        far = _beyond(one, float(outcome.effects[column]), _half_as_much_again(one, margin)) > 0
        made = Decision(
            holds,
            ("clear" if far else "narrow") if holds else ("narrow" if seen else "not seen"),
            "beyond" if holds else "too small" if seen else "not seen",
            one,
            float(outcome.data[column]),
            p,
            float(outcome.effects[column]),
            outcome.null,
            float(outcome.draws[:, column].mean()),
        )
        rank = (holds, seen, distance)
        if best is None or rank > best[0]:
            best = (rank, made)
    if best is None:
        raise ValueError(f"{claim} has no statistic that decides")
    decision = best[1]
    if max(outcome.least_p for outcome in outcomes) > LEVEL:
        return Decision(
            None,
            "undecided",
            "too few draws",
            decision.statistic,
            decision.value,
            decision.p,
            decision.effect,
            decision.null,
            decision.null_mean,
        )
    return decision


def why_not(decision: Decision, draws: int, figures: str, *, too_small: str, unseen: str) -> str:
    """Say why a structure claim does not hold, or is undecided.

    Parameters
    ----------
    decision : Decision
        From `decide`; not one that is beyond the margin.
    draws : int
        Null draws there were.
    figures : str
        The figures it rests on, as a clause.
    too_small : str
        What the effect is less than, up to its last comma or colon.
    unseen : str
        What to say where nothing was seen.

    Returns
    -------
    str
        A sentence without its full stop.
    """
    return {
        "too small": f"{figures}: detectable, but less than {too_small} too small to matter",
        "not seen": unseen,
        "too few draws": f"{figures}: undecided, {counted(draws, 'null draw')} can never reach p = {LEVEL:g}",
    }[decision.why]


def _beyond(one: Statistic, effect: float, margin: float) -> float:
    """How far an effect is beyond the margin, above 0 if it is; a ratio must lie below its margin."""
    if one.effect == "ratio" and margin < 1:
        return margin - effect
    return (abs(effect) if one.tail == "both" else -effect if one.tail == "low" else effect) - margin


def _half_as_much_again(one: Statistic, margin: float) -> float:
    return 1 - 1.5 * (1 - margin) if one.effect == "ratio" and margin < 1 else 1.5 * margin
