"""The ladder in words: which condition on a code matters, and which sampler to use."""

from collections.abc import Mapping, Sequence

from zscope.generation.steps import (
    DECODED,
    KNOWLEDGE,
    NOTHING,
    UNSEEN,
    Scored,
    Step,
    by_ratio,
    deciding,
    difference,
    gaining,
    kind_of,
)

SIMPLEST_FIRST = (*NOTHING, *KNOWLEDGE, "posterior")
"""Names of clouds by what they know."""

REDRAWING = ("posterior", "neighbours", "kde")
"""Clouds made of single training codes: they can only be recommended if they do not memorise."""

_PLACING = ("radius", "axes", "axes-empirical", "covariance", "copula")
"""Clouds that say where codes lie, and little more."""

POOR_DECODER = 0.05
"""FD of reconstructions over that of noise from which on the decoder is said to be the limit."""


def recommend(rungs: Sequence[Scored], reference: Mapping[str, Scored], *, redrawn: bool) -> tuple[str | None, str]:
    """Choose the simplest sampler whose Fréchet distance lies within the interval of the best, or under the decoder's.

    Distances up to that of reconstructions count as that: a sampler can be nearer to real images than the decoder's own
    reconstructions only by accident, such as a contrast that makes up for blur. Of samplers below it those count whose
    share of meaningful images is not below that of reconstructions beyond both intervals. FD to reconstructions is not
    asked: it says how well a sampler draws the training codes, and is best for those that give these back.

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
            f"reconstructions ({figure(ceiling)}), beyond which real images cannot tell samplers apart, and whose "
            "share of meaningful images is not below theirs."
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
    rungs: Sequence[Scored],
    steps: Sequence[Step],
    reference: Mapping[str, Scored],
    recommended: str | None,
    decoded: Sequence[Step] = (),
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
    decoded : sequence of Step
        What it found by FD to reconstructions.

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
    elif told:  # the limit: a gain of codes is a small one
        says.append(f"The most that codes gain is from {first.adds}: {_step_words(first, by)}.")
    else:
        beyond = f"Beyond that, {first.adds}" if len(says) > told else _capital(first.adds)
        says.append(f"{beyond} {'are' if first.many else 'is'} what matters: {_step_words(first, by)}.")
    if (more := _beyond_blur(decoded)) is not None:
        matters = "matter" if more.many else "matters"
        says.append(
            "Held against what the decoder makes of the training images, where its own blur does not count, "
            f"{more.adds} {matters}{'' if first is None else ' too'}: {_short(more)} ({_lower(more)})."
        )
    says.append(_ceiling_words(by.get(recommended or ""), rungs, reference))
    return " ".join(says)


def further_words(steps: Sequence[Step], decoded: Sequence[Step] = ()) -> str:
    """Say of all other steps what they bring; with `ladder_words` every step is told once.

    Of the steps by FD to reconstructions those are told that FD to real images leaves open or sees the other way round.

    Parameters
    ----------
    steps : sequence of Step
        What `steps_of` found.
    decoded : sequence of Step
        What it found by FD to reconstructions.

    Returns
    -------
    str
        A sentence for each kind of step, with figures; empty where there are no others.
    """
    first, placing, better = deciding(steps), _placing(steps), gaining(steps)
    ratio = by_ratio([step for step in better if not step.places])
    says = []
    if ratio is not None and ratio is not first:
        says.append(f"By the ratio of FDs {ratio.adds} {'gain' if ratio.many else 'gains'} most: {_short(ratio)}.")
    kinds = {
        "Smaller gains beyond chance": [step for step in better if step not in (first, ratio, placing)],
        "Below the FD of reconstructions, where nothing is to be gained, and so not counted": [
            step for step in steps if step.seen == "better" and step.gain <= 0
        ],
        "No difference seen": [step for step in steps if step.seen == UNSEEN],
        "Worse than what is simpler": [step for step in steps if step.seen == "worse"],
        **_kinds_by_reconstructions(decoded),
    }
    for words, found in kinds.items():
        if found:
            says.append(f"{words}: " + "; ".join(f"{step.adds}, {_short(step)}" for step in found) + ".")
    return " ".join(says)


def _beyond_blur(decoded: Sequence[Step]) -> Step | None:
    """Find the step that gains most by FD to reconstructions, of those that FD to real images leaves open."""
    better = [step for step in decoded if step.undecided and step.seen == "better"]
    return by_ratio([step for step in better if not step.places] or better)


def _kinds_by_reconstructions(decoded: Sequence[Step]) -> dict[str, list[Step]]:
    """Sort the steps by FD to reconstructions but the one that the verdict names; see `further_words`."""
    open_ones = [step for step in decoded if step.undecided and step is not _beyond_blur(decoded)]
    head = "By FD to reconstructions, where FD to real images cannot decide,"
    return {
        f"{head} better too": [step for step in open_ones if step.seen == "better"],
        f"{head} worse": [step for step in open_ones if step.seen == "worse"],
        f"{head} no difference seen": [step for step in open_ones if step.seen == UNSEEN],
        "FD to reconstructions, against FD to real images, is lower": [
            step for step in decoded if (step.seen, step.real) == ("better", "worse")
        ],
        "FD to reconstructions, against FD to real images, is higher": [
            step for step in decoded if (step.seen, step.real) == ("worse", "better")
        ],
    }


def _placing(steps: Sequence[Step]) -> Step | None:
    return by_ratio([step for step in gaining(steps) if step.places and kind_of(step.after) in _PLACING])


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
    says = f"{_short(step)} ({_lower(step)})"
    if step.rise is not None:
        rise, least, most = (figure(100 * bound) for bound in step.rise)
        shares = [_share(by[spec].get("meaningful")) for spec in (step.before, step.after)]
        seen = "no change seen" if step.rise[1] <= 0 <= step.rise[2] else "less" if step.rise[2] < 0 else "more"
        says += f"; meaningful images {shares[0]} → {shares[1]} ({seen}: {rise}, {least} to {most} points)"
    return says


def _lower(step: Step) -> str:
    value, low, high = map(figure, step.fall)
    return f"lower by {value}, {low} to {high}"


def _decoder_limits(reference: Mapping[str, Scored]) -> bool:
    return bool(reference["reconstructions"]["fd"]["value"] > POOR_DECODER * reference["noise"]["fd"]["value"])


def _limit_words(reference: Mapping[str, Scored]) -> str:
    own, noise = (reference[name]["fd"]["value"] for name in ("reconstructions", "noise"))
    return (
        f"The decoder is the limit: its own reconstructions of held-out images have FD {figure(own)}, "
        f"{100 * own / noise:.2g} % of that of noise, so that codes matter little."
    )


def _short(step: Step) -> str:
    distance = "FD to reconstructions" if step.score == DECODED else "FD"
    return f"{distance} {figure(step.fd[0])} → {figure(step.fd[1])} from {step.before} to {step.after}"


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


def memorises(rung: Scored, held_out: Scored) -> bool:
    """Tell whether a rung's images lie nearer to training images than held-out ones do, beyond both intervals."""
    found, natural = rung.get("memorised"), held_out.get("memorised")
    if not found or not natural:
        return False
    return bool(found["low"] > natural["high"])
