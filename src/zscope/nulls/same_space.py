"""Whether two models are one latent space, as far as another seed of either would be."""

from collections.abc import Sequence
from math import log1p

from zscope.measures.words import counted
from zscope.nulls.base import Verdict, percent
from zscope.nulls.claims import LEAST_RUNS, LEVEL, SPACE_MARGIN
from zscope.nulls.seeds import Figure, SeedDifference, SeedInterval, Seeds, runs_needed

_CLAIM = "same_space"
_WORDS: dict[Figure, str] = {"r2": "R²", "overlap": "the share of common neighbours", "peak": "the peak of the radius"}
_MARGINS: dict[Figure, str] = {
    "r2": f"{SPACE_MARGIN:g}",
    "overlap": f"{100 * SPACE_MARGIN:g} points",
    "peak": f"{100 * SPACE_MARGIN:g} %",
}

Tested = tuple[SeedDifference, float, SeedInterval]
"""A difference with its effect and its interval, both known."""


def same_space_verdict(one: Seeds, other: Seeds, differences: Sequence[SeedDifference]) -> Verdict:
    """Decide whether two models are one latent space as far as seeds go.

    True if every difference lies within the margin by two one-sided tests at 5 % (all must hold, so that there is
    nothing to correct); false if one is beyond the margin by a one-sided test at 1 %, corrected for all of them by
    Bonferroni; undecided between, and wherever either model has fewer than three runs.

    Parameters
    ----------
    one, other : Seeds
        The models.
    differences : sequence of SeedDifference
        From `zscope.nulls.seeds.seed_differences`.

    Returns
    -------
    Verdict
        The claim `same_space`.
    """
    names = f"{one.name} and {other.name}"
    if any(found.between is None for found in differences):
        says = f"{names}: not testable, since the codes of a run do not vary."
        return Verdict(_CLAIM, None, "not testable", says)
    says = f"{names}: {_figures(one, other, differences)}."
    tested: list[Tested] = [
        (found, found.effect, found.interval)
        for found in differences
        if found.effect is not None and found.interval is not None
    ]
    if len(tested) < len(differences):
        return Verdict(_CLAIM, None, "undecided", f"{says} Undecided: {_too_few(one, other)}.", _train_more(None))
    runs = f"{len(one.rows)} and {counted(len(other.rows), 'run')}"
    largest = max(interval.bound for _, _, interval in tested)
    if largest < SPACE_MARGIN:
        return Verdict(
            _CLAIM,
            True,
            "clear" if largest < SPACE_MARGIN / 2 else "narrow",
            f"{says} A run of the other model differs from another seed by at most {_bounds(tested)}, with 95 % "
            f"confidence each ({_margins(tested)}; {runs}): one latent space, up to a rotation.",
            "What is found of the codes of one holds for those of the other.",
        )
    apart = [one for one in tested if one[2].p_beyond * len(tested) <= LEVEL]
    if apart:
        return _not_the_same(says, runs, tested, apart)
    open_still = [one for one in tested if one[2].bound >= SPACE_MARGIN]
    needed = max(runs_needed(interval.spread, _margin(found)) for found, _, interval in open_still)
    return Verdict(
        _CLAIM,
        None,
        "undecided",
        f"{says} Undecided: with {runs} it cannot be excluded that a run of the other model differs from another seed "
        f"by {_bounds(open_still)} ({_margins(open_still)}).",
        _train_more(needed if needed > min(len(one.rows), len(other.rows)) else None),
    )


def _margin(found: SeedDifference) -> float:
    return log1p(SPACE_MARGIN) if found.figure == "peak" else SPACE_MARGIN


def _not_the_same(says: str, runs: str, tested: Sequence[Tested], apart: Sequence[Tested]) -> Verdict:
    """Say what differs most; where that is the peak alone, that a shift and a scale would mend it."""
    shape = [one for one in apart if one[0].figure != "peak"]
    found, effect, interval = max(shape or apart, key=lambda one: abs(one[1]))
    whose = f"that of {found.of}" if found.figure == "peak" else f"that between seeds of {found.of}"
    ends = sorted((abs(interval.low), abs(interval.high)))
    scale_only = not shape and all(one[2].bound < SPACE_MARGIN for one in tested if one[0].figure != "peak")
    rest = (
        " R² and neighbours agree with those of another seed: the spaces differ in scale or centre."
        if scale_only
        else ""
    )
    return Verdict(
        _CLAIM,
        False,
        "clear" if abs(effect) > 1.5 * SPACE_MARGIN else "narrow",
        f"{says} Not one latent space: {_WORDS[found.figure]} lies {_size(found.figure, abs(effect))} "
        f"{'above' if effect > 0 else 'below'} {whose} (90 % interval {_range(found.figure, *ends)}; "
        f"margin {_MARGINS[found.figure]}; {runs}).{rest if scale_only else ''}",
        "Shift and rescale the codes of one before they are used with the other."
        if scale_only
        else "What is found of the codes of one must be found anew for those of the other.",
    )


def _figures(one: Seeds, other: Seeds, differences: Sequence[SeedDifference]) -> str:
    """Say what the verdict rests on, each figure beside what another seed gives, where that is known."""
    of_one, of_other, shared, shared_other, peak = differences
    seeds = [f"{side.of} {percent(side.within)}" for side in (shared, shared_other) if side.within is not None]
    parts = (
        f"R² {_three(of_other.between)} from {one.name} to {other.name}{_seed(of_other)}",
        f"{_three(of_one.between)} back{_seed(of_one)}",
        f"{percent(shared.between or 0.0)} of the nearest neighbours in common"
        + (f" (seeds of {' and of '.join(seeds)})" if seeds else ""),
        f"radii that peak at {peak.within or 0.0:.3g} and {peak.between or 0.0:.3g} ({_signed(peak.effect or 0.0)})",
    )
    return "; ".join(parts)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")


def _seed(found: SeedDifference) -> str:
    return "" if found.within is None else f" (another seed of {found.of}: {_three(found.within)})"


def _three(number: float | None) -> str:
    return f"{number or 0.0:.3f}".replace("-", "−")


def _size(figure: Figure, value: float) -> str:
    """Give the size of a difference in its unit: of shares in percentage points, of peaks in percent of the peak."""
    if figure == "r2":
        return f"{value:.3f}"
    return f"{100 * value:.1f} points" if figure == "overlap" else percent(value, 1)


def _range(figure: Figure, low: float, high: float) -> str:
    return f"{_size(figure, low).removesuffix(' points').removesuffix(' %')} to {_size(figure, high)}"


def _bounds(tested: Sequence[Tested]) -> str:
    """Say the largest possible size of each kind of difference."""
    largest: dict[Figure, float] = {}
    for found, _, interval in tested:
        largest[found.figure] = max(interval.bound, largest.get(found.figure, 0.0))
    return _listed([f"{_size(figure, bound)} in {_WORDS[figure]}" for figure, bound in largest.items()])


def _margins(tested: Sequence[Tested]) -> str:
    sizes = list(dict.fromkeys(_MARGINS[found.figure] for found, _, _ in tested))
    return f"{'margin' if len(sizes) == 1 else 'margins'} {_listed(sizes)}"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _too_few(one: Seeds, other: Seeds) -> str:
    if len(one.rows) == len(other.rows) == 1:
        same = f", and both have the seed {one.seeds[0]}" if one.seeds == other.seeds else ""
        return f"one run of each says nothing about how seeds differ{same}"
    few = min(one, other, key=lambda model: len(model.rows))
    return f"{counted(len(few.rows), 'run')} of {few.name} cannot say how its seeds differ, it takes {LEAST_RUNS}"


def _train_more(needed: int | None) -> str:
    how = "Train the same models with other seeds (--seed) and compare all runs at once"
    return f"{how}: {f'about {needed} of each would decide it' if needed else f'at least {LEAST_RUNS} of each'}."
