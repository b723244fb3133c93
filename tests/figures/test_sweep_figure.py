"""The figure of a sweep: what it draws is what the sweep holds, and its caption says where the marks stand."""

import numpy as np
import pytest

from zscope.figures import sweep as figure
from zscope.figures.base import Missing
from zscope.figures.render import svg_text
from zscope.figures.sweep import PANELS, SweepData, SweepLine, SweepShown
from zscope.study.transition import Crossing

WEIGHTS = (0.001, 0.01, 0.1, 1.0)
AT = Crossing("at", 0.1, 0.01, 0.01, 0.1, 2)


def line(*values, weights=WEIGHTS):
    return SweepLine(weights, tuple((value, value + 0.1) for value in values))


def made(decodes=AT, collapses=None, curves=1, weights=WEIGHTS):
    lines = {key: line(0.1, 0.2, 0.5, 0.6, weights=weights) for panel in PANELS for key in panel.keys}
    lines["kl"] = line(300.0, 100.0, 10.0, 1.0, weights=weights)
    labels = [f"z_dim {2 ** (3 + place)}" if curves > 1 else "" for place in range(curves)]
    none = Crossing("not reached", seeds=2)
    shown = tuple(SweepShown(label, 8, 2, lines, decodes, collapses or none) for label in labels)
    return SweepData("beta", "held-out", shown, weights, ("covariance", "mixture"))


@pytest.fixture(scope="module")
def drawn():
    return figure.draw(made(collapses=Crossing("at", 1.0, 0.1, 1.0, 1.0, 2)))


def test_a_panel_a_quantity_over_shared_weights(drawn):
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        "reconstruction",
        "KL",
        "mutual information",
        "aggregate posterior to prior",
        "radius, peak",
        "active units",
        "as near as reconstructions",
        "meaningful images",
        "FD to real images",
    ]
    assert [axes.get_ylabel() for axes in drawn.axes] == [panel.unit for panel in PANELS]
    assert len({axes.get_xlim() for axes in drawn.axes}) == 1
    assert [axes.get_xlabel() for axes in drawn.axes] == [""] * 6 + ["KL weight beta"] * 3
    assert [axes.get_xscale() for axes in drawn.axes] == ["log"] * 9
    assert [axes.get_yscale() for axes in drawn.axes] == ["linear", "log", *["linear"] * 7]


def test_points_are_seeds_and_lines_their_median(drawn):
    axes = drawn.axes[0]
    (points,) = [found for found in axes.collections if len(found.get_offsets()) == 8]
    np.testing.assert_allclose(points.get_offsets()[:2], [(0.001, 0.1), (0.001, 0.2)])
    line = next(found for found in axes.lines if len(found.get_xdata()) == 4)
    np.testing.assert_allclose(line.get_ydata(), [0.15, 0.25, 0.55, 0.65])


def test_the_transition_is_marked_where_it_is_known(drawn):
    """Random codes decode from 0.1 on in every panel; units collapse at 1 in the panel of units."""
    unmarked = figure.draw(made(Crossing("undecided", 0.1, seeds=2, why="x")))
    for axes, plain in zip(drawn.axes, unmarked.axes, strict=True):
        marks, none = (
            [found.get_xdata()[0] for found in one.lines if len({*found.get_xdata()}) == 1] for one in (axes, plain)
        )
        assert marks == ([0.1, 1.0] if axes.get_title(loc="left") == "active units" else [0.1])
        assert none == []


def test_a_weight_of_zero_stands_beside_the_scale():
    axes = figure.draw(made(weights=(0.0, *WEIGHTS[1:]))).axes
    texts = [axes[-1].xaxis.get_major_formatter()(at) for at in axes[-1].xaxis.get_major_locator()()]
    assert texts == ["0", "1", "0.1", "0.01"]


@pytest.mark.parametrize(
    ("decodes", "words"),
    [
        (
            AT,
            "Vertical line: from beta 0.1 on codes from N(0, I) decode (at least 50 % of their images are as near to "
            "training images as 95 % of reconstructions are).",
        ),
        (Crossing("not reached", seeds=2), "Random codes decode at no weight."),
        (Crossing("undecided", seeds=2, why="x"), "From which weight on random codes decode is undecided: x."),
        (Crossing("not measured"), "Samplers were not scored."),
    ],
)
def test_the_caption_says_what_the_marks_are(decodes, words):
    assert words in figure.caption(made(decodes))
    assert "Fitted sampler: the recommended one (covariance and mixture)." in figure.caption(made(decodes))


def test_several_curves_have_names_and_empty_panels_say_so():
    data = made(curves=2)
    for curve in data.curves:
        for panel in PANELS[-2:]:
            curve.lines.update(dict.fromkeys(panel.keys, SweepLine((), ())))
    svg = svg_text(figure.draw(data), "x")
    assert "z_dim 16" in svg
    assert svg.count("not measured") == 2
    assert "z_dim 16: vertical line" in figure.caption(data)


def test_nothing_to_show():
    assert isinstance(figure.prepare(None), Missing)
