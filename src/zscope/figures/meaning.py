"""Where codes are meaningful: how well each property of a code predicts that its image is."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from zscope.figures.base import Missing
from zscope.figures.style import INK, QUIET, light_grid, new_figure, run_colour, styled
from zscope.figures.words import listed, percent
from zscope.study.payload import RunPayload


@dataclass(frozen=True)
class MeaningData:
    """Predictors, the best first.

    Attributes
    ----------
    title : str
        The run.
    names : tuple of str
        What each predictor is, in words.
    auc : tuple of (float, float, float)
        Value and bounds of each: above 0.5 smaller values are the meaningful ones.
    codes, meaningful : int
        How many codes, and how many of them decode to meaningful images.
    samplers : tuple of str
        What drew them.
    place : int
        Place of the run.
    """

    title: str
    names: tuple[str, ...]
    auc: tuple[tuple[float, float, float], ...]
    codes: int
    meaningful: int
    samplers: tuple[str, ...]
    place: int


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> MeaningData | Missing:
    """Take what a run's ladder found to predict a meaningful image.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        Not looked at: the codes are drawn ones.
    place : int
        Place of the run among those shown, for its colour.

    Returns
    -------
    MeaningData or Missing
        Missing where the run has no ladder, or nothing can be told.
    """
    del split
    if run.ladder is None:
        return Missing("the run's samplers were not scored (zscope sample RUN --ladder)")
    content = run.ladder.content
    if not content["where"]:
        return Missing(str(content["where_left_out"]))
    about = content["where_n"]
    return MeaningData(
        run.label,
        tuple(entry["says"] for entry in content["where"]),
        tuple((entry["auc"]["value"], entry["auc"]["low"], entry["auc"]["high"]) for entry in content["where"]),
        about["codes"],
        about["meaningful"],
        tuple(about["samplers"]),
        place,
    )


def caption(data: MeaningData) -> str:
    """Say what predicts best, and of which codes."""
    value, low, high = data.auc[0]
    return (
        f"{data.title}. How well a property of a code tells whether its image is meaningful: AUC of smaller values "
        f"(0.5 is chance, below it larger values are the meaningful ones), with 95 % intervals. Of {data.codes:,} "
        f"codes of the samplers {listed(data.samplers, most=20)}, {percent(data.meaningful / data.codes)} are "
        f"meaningful. Best: {data.names[0]}, {value:.2f} ({low:.2f} to {high:.2f})."
    )


@styled
def draw(data: MeaningData) -> Figure:
    """Draw one dot with its interval a predictor."""
    figure = new_figure(0.7 + 0.3 * len(data.names))
    axes = figure.subplots()
    for place, (value, low, high) in enumerate(data.auc):
        axes.plot((low, high), (place, place), color=run_colour(data.place), linewidth=1.4)
        axes.plot(value, place, "o", color=run_colour(data.place), markersize=4.5, markeredgewidth=0)
    axes.axvline(0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_yticks(range(len(data.names)), data.names, color=INK)
    axes.set_ylim(len(data.names) - 0.5, -0.5)
    axes.set_xlim(min(0.4, *(low for _, low, _ in data.auc)) - 0.02, 1.0)
    axes.set_xlabel("AUC of smaller values")
    light_grid(axes, "x")
    return figure
