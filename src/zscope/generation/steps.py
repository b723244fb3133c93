"""The ladder in words: what each rung knows beyond simpler ones, what that brings, and which sampler to use."""

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


_NONE = ("normal", "uniform")
_AXES = (*_NONE, "radius", "axes")
_MOMENTS = (*_AXES, "covariance")
_GROUPS = (*_MOMENTS, "ellipsoid", "mixture")

KNOWLEDGE: dict[str, Knowledge] = {
    "radius": Knowledge("the radius", _NONE),
    "axes": Knowledge("centre and width of every axis", (*_NONE, "radius"), many=True),
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

SIMPLEST_FIRST = (*_NONE, *KNOWLEDGE, "posterior")
"""Names of clouds by what they know."""

REDRAWING = ("posterior", "neighbours", "kde")
"""Clouds made of single training codes: they can only be recommended if they do not memorise."""


_PLACING = ("radius", "axes", "axes-empirical", "covariance", "copula")
"""Clouds that say where codes lie, and little more."""

POOR_DECODER = 0.05
"""FD of reconstructions over that of noise from which on the decoder is said to be the limit."""


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
        Fréchet distances of the two.
    fall : tuple of (float, float, float)
        First minus second, and the bounds of its interval, which holds 95 % for all comparisons of the ladder together.
    gain : float
        log of the first over the second, neither counted as less than the distance of reconstructions: nothing can be
        gained below what the decoder can do.
    rise : tuple of (float, float, float) or None
        What the share of meaningful images rises by, and bounds of the same kind; None where it is not known.
    """

    before: str
    after: str
    adds: str
    many: bool
    fd: tuple[float, float]
    fall: tuple[float, float, float]
    gain: float
    rise: tuple[float, float, float] | None = None

    @property
    def places(self) -> bool:
        """Whether the first knows at most how far out codes lie: then it is gained that they lie where they should."""
        return kind_of(self.before) in (*_NONE, "radius")

    @property
    def seen(self) -> str:
        """``better``, ``worse``, or ``no difference seen`` where the interval holds 0."""
        return "better" if self.fall[1] > 0 else "worse" if self.fall[2] < 0 else "no difference seen"

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
        }


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


def steps_of(rungs: Sequence[Scored], reconstructions: Scored | None) -> list[Step]:
    """Hold every rung against the best of those that know less.

    The best of several is likely to look better than it is. Intervals therefore hold for all pairs of a rung and a
    simpler one together, of which each step takes one.

    Parameters
    ----------
    rungs : sequence of mapping
        In any order; each with ``sampler`` and ``fd``.
    reconstructions : mapping or None
        Scores of reconstructions.

    Returns
    -------
    list of Step
        In the order of `KNOWLEDGE`; rungs without a simpler one have none.
    """
    least = max(1e-12, 0.0 if reconstructions is None else float(reconstructions["fd"]["value"]))
    order = list(KNOWLEDGE)
    steps = []
    known = sorted(
        (rung for rung in rungs if kind_of(rung["sampler"]) in KNOWLEDGE),
        key=lambda rung: order.index(kind_of(rung["sampler"])),
    )
    pairs = {
        rung["sampler"]: [one for one in rungs if kind_of(one["sampler"]) in KNOWLEDGE[kind_of(rung["sampler"])].beyond]
        for rung in known
    }
    comparisons = sum(map(len, pairs.values()))
    for rung in known:
        knowledge, simpler = KNOWLEDGE[kind_of(rung["sampler"])], pairs[rung["sampler"]]
        if not simpler:
            continue
        best = min(simpler, key=lambda other: float(other["fd"]["value"]))
        before, after = float(best["fd"]["value"]), float(rung["fd"]["value"])
        gain = math.log(max(before, least) / max(after, least))
        fall = difference(best["fd"], rung["fd"], comparisons)
        shares = best.get("meaningful"), rung.get("meaningful")
        rise = None if shares[0] is None or shares[1] is None else difference(shares[1], shares[0], comparisons)
        steps.append(
            Step(best["sampler"], rung["sampler"], knowledge.adds, knowledge.many, (before, after), fall, gain, rise)
        )
    return steps


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
    better = _gaining(steps)
    informed = [step for step in better if not step.places] or better
    rising = [step for step in informed if step.rise is not None and step.rise[1] > 0]
    if rising:
        return max(rising, key=lambda step: step.rise[0] if step.rise is not None else 0.0)
    return by_ratio(informed)


def by_ratio(steps: Sequence[Step]) -> Step | None:
    """Find the step with the largest `Step.gain`; None of none."""
    return max(steps, key=lambda step: step.gain, default=None)


def memorises(rung: Scored, held_out: Scored) -> bool:
    """Tell whether a rung's images lie nearer to training images than held-out ones do, beyond both intervals."""
    found, natural = rung.get("memorised"), held_out.get("memorised")
    if not found or not natural:
        return False
    return bool(found["low"] > natural["high"])


def recommend(rungs: Sequence[Scored], reference: Mapping[str, Scored], *, redrawn: bool) -> tuple[str | None, str]:
    """Choose the simplest sampler whose Fréchet distance lies within the interval of the best, or under the decoder's.

    Distances up to that of reconstructions count as that: a sampler can be nearer to real images than the decoder's own
    reconstructions only by accident, such as a contrast that makes up for blur. Of samplers below it those count whose
    share of meaningful images is not below that of reconstructions beyond both intervals.

    Parameters
    ----------
    rungs : sequence of mapping
        With ``sampler``, ``fd`` and ``memorised``.
    reference : mapping of str to mapping
        Scores of ``held_out`` images, by which memorising is told, and of their ``reconstructions``.
    redrawn : bool
        Whether ``posterior`` gives back the training codes themselves, as it does for an AE.

    Returns
    -------
    recommended : str or None
        Text of the cloud; None where there is no eligible one.
    why : str
        In a sentence or two.
    """
    out = {}
    for rung in rungs:
        kind = kind_of(rung["sampler"])
        if kind == "posterior" and redrawn:
            out[rung["sampler"]] = "gives back the training codes themselves"
        elif kind in REDRAWING and memorises(rung, reference["held_out"]):
            out[rung["sampler"]] = "gives images nearer to the training images than held-out ones are"
    able = [rung for rung in rungs if rung["sampler"] not in out]
    notes = "".join(f" {spec} is not considered: it {reason}." for spec, reason in out.items())
    if not able:
        return None, f"No sampler is recommended.{notes}"
    best = min(able, key=lambda rung: float(rung["fd"]["value"]))
    ceiling = float(reference["reconstructions"]["fd"]["value"])
    as_good = [rung for rung in able if rung["fd"]["value"] <= ceiling and _as_meaningful(rung, reference)]
    near = as_good or [rung for rung in able if rung["fd"]["value"] <= best["fd"]["high"]]
    chosen = min(near, key=lambda rung: SIMPLEST_FIRST.index(kind_of(rung["sampler"])))
    if as_good:
        why = (
            f"{chosen['sampler']} is the simplest sampler whose FD, {scored(chosen['fd'])}, is not above that of "
            f"reconstructions ({figure(ceiling)}), beyond which no sampler can be expected to help, and whose share of "
            "meaningful images is not below theirs."
        )
    elif chosen is best:
        why = f"{chosen['sampler']} has the lowest FD, {scored(chosen['fd'])}"
        why += ", and no simpler sampler lies within that interval." if len(able) > 1 else "."
    else:
        why = (
            f"{chosen['sampler']} is the simplest sampler whose FD, {figure(chosen['fd']['value'])}, lies within the "
            f"interval of the lowest ({best['sampler']}, {scored(best['fd'])})."
        )
    return chosen["sampler"], why + notes


def _as_meaningful(rung: Scored, reference: Mapping[str, Scored]) -> bool:
    """Whether as many images are meaningful as of reconstructions, as far as the intervals tell."""
    share, theirs = rung.get("meaningful"), reference["reconstructions"].get("meaningful")
    return share is None or theirs is None or bool(share["high"] >= theirs["low"])


def ladder_words(
    rungs: Sequence[Scored], steps: Sequence[Step], reference: Mapping[str, Scored], recommended: str | None
) -> str:
    """Say which condition on a code matters, and how far it is to the ceiling; `further_words` says the rest.

    Parameters
    ----------
    rungs : sequence of mapping
        Scores of every rung.
    steps : sequence of Step
        What `steps_of` found.
    reference : mapping of str to mapping
        Scores of ``held_out`` images, of their ``reconstructions`` and of ``noise``.
    recommended : str or None
        The recommended sampler.

    Returns
    -------
    str
        Sentences with figures and intervals.
    """
    by = {rung["sampler"]: rung for rung in rungs}
    if reference["reconstructions"]["fd"]["value"] >= reference["noise"]["fd"]["value"]:
        return (
            "This model's own reconstructions are no nearer to real images than noise is (FD "
            f"{scored(reference['reconstructions']['fd'])} against {scored(reference['noise']['fd'])}), so its decoder "
            "decodes nothing well: train it before asking which codes to draw."
        )
    first = deciding(steps)
    placing = _placing(steps)
    says = [_limit_words(reference)] if _decoder_limits(reference) else []
    told = len(says)
    if placing is not None and placing is not first:
        says.append(f"Codes must lie where those of the data lie: {_short(placing)}.")
    if first is None:
        says.append("No condition brings a gain beyond chance.")
    else:
        beyond = f"Beyond that, {first.adds}" if len(says) > told else _capital(first.adds)
        says.append(f"{beyond} {'are' if first.many else 'is'} what matters: {_step_words(first, by)}.")
    says.append(_ceiling_words(by.get(recommended or ""), rungs, reference))
    return " ".join(says)


def further_words(steps: Sequence[Step]) -> str:
    """Say of all other steps what they bring; with `ladder_words` every step is told once.

    Parameters
    ----------
    steps : sequence of Step
        What `steps_of` found.

    Returns
    -------
    str
        A sentence for each kind of step, with figures; empty where there are no others.
    """
    first, placing, better = deciding(steps), _placing(steps), _gaining(steps)
    ratio = by_ratio([step for step in better if not step.places])
    says = []
    if ratio is not None and ratio is not first:
        says.append(f"By the ratio of FDs {ratio.adds} {'gain' if ratio.many else 'gains'} most: {_short(ratio)}.")
    kinds = {
        "Smaller gains beyond chance": [step for step in better if step not in (first, ratio, placing)],
        "Below the FD of reconstructions, where nothing is to be gained, and so not counted": [
            step for step in steps if step.seen == "better" and step.gain <= 0
        ],
        "No difference seen": [step for step in steps if step.seen == "no difference seen"],
        "Worse than what is simpler": [step for step in steps if step.seen == "worse"],
    }
    for words, found in kinds.items():
        if found:
            says.append(f"{words}: " + "; ".join(f"{step.adds}, {_short(step)}" for step in found) + ".")
    return " ".join(says)


def _gaining(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.seen == "better" and step.gain > 0]


def _placing(steps: Sequence[Step]) -> Step | None:
    return by_ratio([step for step in _gaining(steps) if step.places and kind_of(step.after) in _PLACING])


def _ceiling_words(chosen: Scored | None, rungs: Sequence[Scored], reference: Mapping[str, Scored]) -> str:
    held_out, reconstructions = reference["held_out"], reference["reconstructions"]
    ceiling = f"reconstructions of held-out images have {scored(reconstructions['fd'])}"
    ceiling += f", held-out images themselves {figure(held_out['fd']['value'])}"
    if chosen is None:
        return f"For comparison, {ceiling}."
    _, low, high = difference(chosen["fd"], reconstructions["fd"])
    said = f"The recommended {chosen['sampler']} has FD {scored(chosen['fd'])}; {ceiling}"
    if low > 0:
        all_worse = all(difference(rung["fd"], reconstructions["fd"])[1] > 0 for rung in rungs)
        return f"{said}: {'nothing drawn is' if all_worse else 'it is not'} as good as a reconstruction."
    if high < 0:
        return f"{said}. That it is below reconstructions, contrast or sharpness that make up for blur may bring about."
    return f"{said}: no difference to reconstructions was seen, which does not say that there is none."


def _step_words(step: Step, by: Mapping[str, Scored]) -> str:
    value, low, high = step.fall
    says = f"{_short(step)} (lower by {figure(value)}, {figure(low)} to {figure(high)})"
    if step.rise is not None:
        rise, least, most = (figure(100 * bound) for bound in step.rise)
        shares = [_share(by[spec].get("meaningful")) for spec in (step.before, step.after)]
        seen = "no change seen" if step.rise[1] <= 0 <= step.rise[2] else "less" if step.rise[2] < 0 else "more"
        says += f"; meaningful images {shares[0]} → {shares[1]} ({seen}: {rise}, {least} to {most} points)"
    return says


def _decoder_limits(reference: Mapping[str, Scored]) -> bool:
    return bool(reference["reconstructions"]["fd"]["value"] > POOR_DECODER * reference["noise"]["fd"]["value"])


def _limit_words(reference: Mapping[str, Scored]) -> str:
    own, noise = (reference[name]["fd"]["value"] for name in ("reconstructions", "noise"))
    return (
        f"The decoder is the limit: its own reconstructions of held-out images have FD {figure(own)}, "
        f"{100 * own / noise:.2g} % of that of noise, so that codes matter little."
    )


def _short(step: Step) -> str:
    return f"FD {figure(step.fd[0])} → {figure(step.fd[1])} from {step.before} to {step.after}"


def figure(value: float) -> str:
    """Give a score with three digits, as people read it.

    Examples
    --------
    >>> figure(41.234), figure(1234.5), figure(0.01234), figure(-0.5)
    ('41.2', '1,234', '0.0123', '−0.5')
    """
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def scored(score: Scored) -> str:
    """Give a score with its interval.

    Examples
    --------
    >>> scored({"value": 12, "low": 10.5, "high": 13})
    '12 (10.5 to 13)'
    """
    return f"{figure(score['value'])} ({figure(score['low'])} to {figure(score['high'])})"


def _share(score: Scored | None) -> str:
    return "–" if score is None else f"{100 * score['value']:.3g} %"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
