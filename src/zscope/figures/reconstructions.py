"""Originals over their reconstructions."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from zscope.figures import samples
from zscope.figures.base import Missing
from zscope.figures.samples import SamplesData
from zscope.study.payload import RunPayload


def prepare(runs: Sequence[RunPayload], split: str = "train", *, most: int = 12) -> SamplesData | Missing:
    """Take originals and reconstructions of runs.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        Not looked at: they are held-out images where there are any.
    most : int
        Images a row.

    Returns
    -------
    SamplesData or Missing
        Two rows; missing where no run was sampled.
    """
    if not any(len(run.originals) for run in runs):
        return Missing("no originals were kept; sampling a run keeps them")
    return samples.prepare(runs, split, clouds=(), most=most)


def caption(data: SamplesData) -> str:
    """Say which row shows what."""
    return samples.caption(data)


def draw(data: SamplesData) -> Figure:
    """Draw the two rows."""
    return samples.draw(data)
