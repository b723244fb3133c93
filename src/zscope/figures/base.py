"""What every figure is: data prepared from the payload, a drawing, and a caption that is true of the drawing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from matplotlib.figure import Figure

from zscope.study.payload import RunPayload, SplitPayload

SPLIT_WORDS = {"train": "training", "held-out": "held-out", "given": "given"}
"""How the codes of a split are called in a sentence; codes without a model of ours are given."""

BOTH = ("train", "held-out")
"""The splits of a run."""


@dataclass(frozen=True)
class Missing:
    """Why a figure is left out.

    Attributes
    ----------
    reason : str
        In words, without a full stop.
    """

    reason: str


@dataclass(frozen=True)
class FigureKind:
    """One figure of the list `zscope.figures.FIGURES`.

    Attributes
    ----------
    title : str
        What it shows.
    scope : {"run", "study"}
        Whether `prepare` takes one run or a sequence of runs.
    prepare : callable
        ``prepare(run, split="train")`` or ``prepare(runs, split="train")``: frozen data, or `Missing`.
    draw : callable
        ``draw(data)``: a matplotlib figure that belongs to no window.
    caption : callable
        ``caption(data)``: what is seen, in words, with the numbers behind it.
    """

    title: str
    scope: Literal["run", "study"]
    prepare: Callable[..., Any]
    draw: Callable[[Any], Figure]
    caption: Callable[[Any], str]


def measured(run: RunPayload, split: str, measure: str) -> tuple[SplitPayload, dict[str, Any]] | Missing:
    """Find what a measure found on a split of a run.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.
    measure : str
        Name of the measure.

    Returns
    -------
    (SplitPayload, dict) or Missing
        The split and the measure's values, or why there are none.
    """
    if not run.splits:
        return Missing("the run has not been measured")
    part = run.splits.get(split)
    if part is None:
        return Missing(f"the {SPLIT_WORDS.get(split, split)} codes have not been measured")
    values = part.values.get(measure)
    if values is None:
        return Missing(part.skipped.get(measure, f"{measure} has not been measured"))
    return part, values


def without_columns(part: SplitPayload, columns: Sequence[str]) -> Missing | None:
    """Say that columns which a measure kept with the points are gone, as after encoding again.

    Parameters
    ----------
    part : SplitPayload
        The codes.
    columns : sequence of str
        The columns that a figure needs.

    Returns
    -------
    Missing or None
        None where all are there.
    """
    gone = [column for column in columns if column not in part.points]
    return Missing(f"the codes have no column {gone[0]}: measure them again (zscope measure RUN)") if gone else None


Curve = TypeVar("Curve")


def curves_of(
    runs: Sequence[RunPayload], make: Callable[[RunPayload, str, int], Curve | Missing]
) -> tuple[tuple[Curve, ...], tuple[tuple[str, str], ...]]:
    """Make one curve a run.

    Parameters
    ----------
    runs : sequence of RunPayload
        The runs that are shown together.
    make : callable
        Takes a run, its title and its place, gives its curve, or why it has none.

    Returns
    -------
    curves : tuple
        In the order of the runs.
    left_out : tuple of (str, str)
        Titles of runs without a curve, and why.
    """
    curves: list[Curve] = []
    left_out: list[tuple[str, str]] = []
    for place, (run, title) in enumerate(zip(runs, run_titles(runs), strict=True)):
        made = make(run, title, place)
        if isinstance(made, Missing):
            left_out.append((title, made.reason))
        else:
            curves.append(made)
    return tuple(curves), tuple(left_out)


def run_titles(runs: Sequence[RunPayload]) -> tuple[str, ...]:
    """Short titles of runs: their names, which the study's file chose, or the kind of model where there is one run.

    Parameters
    ----------
    runs : sequence of RunPayload
        The runs that are shown together.

    Returns
    -------
    tuple of str
        One a run.
    """
    names, labels = [run.name for run in runs], [run.label for run in runs]
    if len(runs) > 1 and len(set(names)) == len(names):
        return tuple(names)
    return tuple(run.label if labels.count(run.label) == 1 else f"{run.label} · {run.path}" for run in runs)


def held_out_images(run: RunPayload) -> bool:
    """Whether the run's originals are images that it was not trained on."""
    about = run.manifest.get("data")
    return isinstance(about, dict) and bool(about.get("held_out"))
