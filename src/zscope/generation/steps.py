"""Steps of the ladder: what each rung knows beyond simpler ones, and what that brings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

from zscope.typing import JsonDict

Scored = Mapping[str, Any]
"""A rung or a reference: names of scores to ``{"value", "low", "high"}``, and in a rung ``sampler``, its text."""


@dataclass(frozen=True)
class Knowledge:
    """What a cloud knows of the codes.

    Attributes
    ----------
    adds : str
        What it knows beyond simpler clouds, as the subject of a sentence.
    beyond : tuple of str
        Clouds that know less, and nothing that it does not: what it brings is held against the best of them.
    many : bool
        Whether the subject is plural.
    """

    adds: str
    beyond: tuple[str, ...]
    many: bool = False


REAL, DECODED = "fd", "fd_reconstructions"
"""Scores by which rungs are held against each other: FD to real images, and to reconstructions of training images."""

UNSEEN, CANNOT_TELL = "no difference seen", "cannot tell"

COMPARED = (REAL, DECODED, "meaningful")
"""Scores of which differences are given; their intervals hold together."""

NOTHING = ("normal", "uniform")
"""Clouds that know nothing of the codes."""

_AXES = (*NOTHING, "radius", "axes")
_MOMENTS = (*_AXES, "covariance")
_GROUPS = (*_MOMENTS, "ellipsoid", "mixture")

KNOWLEDGE: dict[str, Knowledge] = {
    "prior": Knowledge("the prior that the model learnt", NOTHING),
    "radius": Knowledge("the radius", NOTHING),
    "axes": Knowledge("centre and width of every axis", (*NOTHING, "radius"), many=True),
    "axes-empirical": Knowledge("the shapes of the axes", _AXES, many=True),
    "permuted": Knowledge("the shapes of the axes", _AXES, many=True),
    "covariance": Knowledge("the covariance", _AXES),
    "copula": Knowledge("the rank correlations beside the axes' shapes", (*_AXES, "axes-empirical"), many=True),
    "elliptical": Knowledge("the Mahalanobis radii", _MOMENTS, many=True),
    "ellipsoid": Knowledge("keeping to the core", _MOMENTS),
    "mixture": Knowledge("the shape of the cloud (as several Gaussians)", _MOMENTS),
    "kde": Knowledge("the density around single codes", _GROUPS),
    "neighbours": Knowledge("the neighbours of single codes", _GROUPS, many=True),
    "flow": Knowledge("the shape of the cloud (as a flow)", _GROUPS),
    "second-stage": Knowledge("the shape of the cloud (as a second autoencoder)", _GROUPS),
}
"""What each cloud adds, in the order of what they know. `posterior` is no condition on a code and has no step."""


def kind_of(spec: str) -> str:
    """Name of a cloud without its figure.

    Examples
    --------
    >>> kind_of("mixture:10")
    'mixture'
    """
    return spec.partition(":")[0]


@dataclass(frozen=True)
class Step:
    """From the best of the simpler rungs to one that knows more.

    Attributes
    ----------
    before, after : str
        Texts of the two clouds.
    adds : str
        What the second knows beyond the first.
    many : bool
        Whether `adds` is plural.
    fd : tuple of (float, float)
        Fréchet distances of the two: to real images, or to reconstructions.
    fall : tuple of (float, float, float)
        First minus second, and the bounds of its interval, which holds 95 % for all comparisons of the ladder together.
    gain : float
        log of the first over the second. Of distances to real images neither counts as less than that of
        reconstructions: nothing can be gained below what the decoder can do.
    rise : tuple of (float, float, float) or None
        What the share of meaningful images rises by, and bounds of the same kind; None where it is not known.
    real : str
        What FD to real images says of the two, as `seen` does; ``cannot tell`` where neither is above reconstructions.
    score : str
        `REAL` or `DECODED`: what the distances are to.
    """

    before: str
    after: str
    adds: str
    many: bool
    fd: tuple[float, float]
    fall: tuple[float, float, float]
    gain: float
    rise: tuple[float, float, float] | None = None
    real: str = ""
    score: str = REAL

    @property
    def places(self) -> bool:
        """Whether the first knows at most how far out codes lie: then it is gained that they lie where they should."""
        return kind_of(self.before) in (*NOTHING, "radius")

    @property
    def seen(self) -> str:
        """``better``, ``worse``, or ``no difference seen`` where the interval holds 0."""
        return _seen(self.fall)

    @property
    def undecided(self) -> bool:
        """Whether FD to real images does not tell the two apart."""
        return self.real in (UNSEEN, CANNOT_TELL)

    def as_json(self) -> JsonDict:
        """Give it as a JSON object."""
        return {
            "from": self.before,
            "to": self.after,
            "adds": self.adds,
            "fd": list(self.fd),
            "fall": _named(self.fall),
            "gain": self.gain,
            "meaningful_rise": None
            if self.rise is None
            else dict(zip(("value", "low", "high"), self.rise, strict=True)),
            "seen": self.seen,
            "seen_by_real": self.real,
        }


def _seen(fall: tuple[float, float, float]) -> str:
    return "better" if fall[1] > 0 else "worse" if fall[2] < 0 else UNSEEN


def _named(bounds: tuple[float, float, float]) -> JsonDict:
    value, low, high = bounds
    return {"value": value, "low": low, "high": high}


def difference(first: Scored, second: Scored, comparisons: int = 1) -> tuple[float, float, float]:
    """First minus second score, with the interval that their own intervals imply.

    With a ± and b ± the distances to the own bounds: a − b, from a − b − √((a − low_a)² + (high_b − b)²) to
    a − b + √((high_a − a)² + (b − low_b)²) (Zou & Donner 2008, Statistics in Medicine 27, "Construction of confidence
    limits about effect measures"), for independent scores. Of several comparisons all intervals together hold the truth
    in 95 of 100 cases: distances are taken longer, as quantiles of a normal law are (Bonferroni).

    Parameters
    ----------
    first, second : mapping
        ``value``, ``low`` and ``high`` of each, at 95 %.
    comparisons : int
        How many differences are looked at together.

    Returns
    -------
    (float, float, float)
        The difference and its bounds, in the scores' unit.

    Examples
    --------
    >>> difference({"value": 10, "low": 7, "high": 12}, {"value": 5, "low": 3, "high": 9})
    (5, 0.0, 7.82842712474619)
    """
    a, b = first["value"], second["value"]
    longer = 1.0 if comparisons == 1 else float(ndtri(1 - 0.025 / comparisons) / ndtri(0.975))
    below = math.hypot(a - first["low"], second["high"] - b)
    above = math.hypot(first["high"] - a, b - second["low"])
    return a - b, a - b - longer * below, a - b + longer * above


def steps_of(rungs: Sequence[Scored], reconstructions: Scored | None, score: str = REAL) -> list[Step]:
    """Hold every rung against the best of those that know less.

    The best of several is likely to look better than it is, and what one score leaves open the other may claim. All
    intervals of a ladder therefore hold together: with C pairs of a rung and a simpler one, compared by k of
    `COMPARED`, each is one of k C (Bonferroni). Where all k C hold, whatever is picked from them holds, by any rule;
    and a rule that looks at the second score only where the first shows nothing needs as many, since where nothing
    differs it looks at all.

    Parameters
    ----------
    rungs : sequence of mapping
        In any order; each with ``sampler`` and ``fd``.
    reconstructions : mapping or None
        Scores of reconstructions.
    score : str
        `REAL` or `DECODED`; rungs that lack it have no step.

    Returns
    -------
    list of Step
        In the order of `KNOWLEDGE`; rungs without a simpler one have none.
    """
    ceiling = max(1e-12, 0.0 if reconstructions is None else float(reconstructions[REAL]["value"]))
    least = ceiling if score == REAL else 1e-12
    pairs = _pairs(rungs)
    kinds = sum(any(rung.get(name) for rung in rungs) for name in COMPARED)
    comparisons = kinds * sum(len(simpler) for _, simpler in pairs)
    steps = []
    for rung, simpler in pairs:
        scored = [one for one in simpler if one.get(score)]
        if not scored or not rung.get(score):
            continue
        best = min(scored, key=lambda other: float(other[score]["value"]))
        before, after = float(best[score]["value"]), float(rung[score]["value"])
        shares = best.get("meaningful"), rung.get("meaningful")
        knowledge = KNOWLEDGE[kind_of(rung["sampler"])]
        steps.append(
            Step(
                best["sampler"],
                rung["sampler"],
                knowledge.adds,
                knowledge.many,
                fd=(before, after),
                fall=difference(best[score], rung[score], comparisons),
                gain=math.log(max(before, least) / max(after, least)),
                rise=None if shares[0] is None or shares[1] is None else difference(shares[1], shares[0], comparisons),
                real=_by_real(best[REAL], rung[REAL], ceiling, comparisons),
                score=score,
            )
        )
    return steps


def _pairs(rungs: Sequence[Scored]) -> list[tuple[Scored, list[Scored]]]:
    """Give every rung that is a condition those that know less, in the order of `KNOWLEDGE`."""
    order = list(KNOWLEDGE)
    known = [rung for rung in rungs if kind_of(rung["sampler"]) in KNOWLEDGE]
    known.sort(key=lambda rung: order.index(kind_of(rung["sampler"])))
    return [
        (rung, [one for one in rungs if kind_of(one["sampler"]) in KNOWLEDGE[kind_of(rung["sampler"])].beyond])
        for rung in known
    ]


def _by_real(before: Scored, after: Scored, ceiling: float, comparisons: int) -> str:
    """Say what FD to real images sees of two rungs; below that of reconstructions it tells contrast from blur only."""
    if max(before["value"], after["value"]) <= ceiling:
        return CANNOT_TELL
    return _seen(difference(before, after, comparisons))


def deciding(steps: Sequence[Step]) -> Step | None:
    """Find the step that matters: the one after which most more images are meaningful.

    Only steps whose FD falls beyond chance count. Steps from a cloud that knows at most the radius count only where
    there are no others: an autoencoder's codes lie anywhere, at any scale, so that N(0, I) fails for that alone. Where
    no share of meaningful images rises beyond chance, the step with the largest `Step.gain` is taken.

    Parameters
    ----------
    steps : sequence of Step
        What `steps_of` found.

    Returns
    -------
    Step or None
        None where no step gains beyond chance.
    """
    better = gaining(steps)
    informed = [step for step in better if not step.places] or better
    rising = [step for step in informed if step.rise is not None and step.rise[1] > 0]
    if rising:
        return max(rising, key=lambda step: step.rise[0] if step.rise is not None else 0.0)
    return by_ratio(informed)


def by_ratio(steps: Sequence[Step]) -> Step | None:
    """Find the step with the largest `Step.gain`; None of none."""
    return max(steps, key=lambda step: step.gain, default=None)


def gaining(steps: Sequence[Step]) -> list[Step]:
    """Pick the steps whose FD falls beyond chance, from above that of reconstructions."""
    return [step for step in steps if step.seen == "better" and step.gain > 0]
