"""The ladder's figures, tables and findings, from a made payload."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
import synthetic
from matplotlib.transforms import Bbox

from zscope.figures import ladder, meaning
from zscope.figures.base import Missing
from zscope.figures.style import style
from zscope.report import blocks
from zscope.report.ladder import ladder_blocks, scores_table
from zscope.study.findings import findings_of
from zscope.study.payload import RunPayload


def a_run(payload):
    none = np.empty((0, 8, 8, 1), np.uint8)
    manifest = {"config": {"model": {"kind": "ae", "z_dim": 8}}}
    return RunPayload("one", "AE", "runs/one", manifest, [], none, none, (), {}, None, payload)


def with_reconstructions(payload):
    """The same ladder with FD to reconstructions: half of the FD, and for reconstructions 0.3."""

    def more(entry, value):
        return {**entry, "fd_reconstructions": {"value": value, "low": 0.9 * value, "high": 1.1 * value}}

    rungs = [more(entry, entry["fd"]["value"] / 2) for entry in payload.content["rungs"]]
    reference = {**payload.content["reference"]}
    reference["reconstructions"] = more(reference["reconstructions"], 0.3)
    return replace(payload, content={**payload.content, "rungs": rungs, "reference": reference, "n_decoded": 1437})


def test_distances_to_reconstructions_have_a_panel_and_a_column():
    payload = with_reconstructions(synthetic.made_ladder())
    data = ladder.prepare(a_run(payload))
    figure = ladder.draw(data)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["FD", "to reconstructions", "meaningful"]
    dots = [line for line in panels[1].lines if line.get_marker() == "o"]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], [0.3, *(fd / 2 for fd in synthetic.FDS.values())])
    assert [dot.get_ydata()[0] for dot in dots] == [1, 3, 4, 5, 6, 7]
    edges = [axes.get_position() for axes in panels]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(edges))
    assert edges[-1].x1 < 1
    assert "To reconstructions: the same distance to what the decoder makes of training images" in ladder.caption(data)
    head, rows = ladder.score_table(payload.content)
    assert head[:3] == ("sampler", "FD", "FD to reconstructions")
    assert rows[4][2] == "27.5 (24.8 to 30.3)"
    assert rows[0][2] == "–"
    assert "FD to reconstructions: to those of 1,437 training images." in scores_table(payload).note
    head, rows = ladder.short_table(payload.content)
    assert (head[3], rows[4][3], rows[0][3]) == ("FD to reconstructions", "27.5", "–")
    assert "To reconstructions" not in ladder.caption(ladder.prepare(a_run(synthetic.made_ladder())))


def test_figure_has_a_row_for_every_reference_and_rung():
    data = ladder.prepare(a_run(synthetic.made_ladder()))
    assert [row.label for row in data.rows][:3] == ["held-out images", "reconstructions", "noise"]
    assert [row.label for row in data.rows][3:] == list(synthetic.FDS)
    assert [row.label for row in data.rows if row.recommended] == ["mixture"]
    assert all(len(row.images) == ladder.MOST for row in data.rows)
    figure = ladder.draw(data)
    fd, share = (axes for axes in figure.axes if axes.get_title(loc="left"))
    dots = [line for line in fd.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], [0.2, 0.5, 300.0, *synthetic.FDS.values()])
    assert [dot.get_ydata()[0] for dot in dots] == list(range(8))
    assert len([line for line in share.lines if line.get_marker() == "o"]) == 5  # references have no share here
    # Each row of images stands at the height of its own dot.
    strips = [axes for axes in figure.axes if not axes.axison]
    for place, panel in enumerate(strips):
        box = panel.get_position()
        height = fd.get_position().y1 - (place + 0.5) / 8 * fd.get_position().height
        assert (box.y0 + box.y1) / 2 == pytest.approx(height, abs=1e-6)


def test_captions_say_what_is_recommended_and_what_predicts_best():
    run = a_run(synthetic.made_ladder())
    assert "Recommended: mixture, in bold. No difference seen: the covariance." in ladder.caption(ladder.prepare(run))
    says = meaning.caption(meaning.prepare(run))
    assert "Best: mean distance to the nearest codes, 0.85 (0.82 to 0.88)." in says
    assert "30 % are meaningful" in says


def test_figure_of_predictors_shows_their_intervals():
    figure = meaning.draw(meaning.prepare(a_run(synthetic.made_ladder())))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "mean distance to the nearest codes",
        "distance from the origin",
    ]
    bars = [line.get_xdata() for line in axes.lines if line.get_marker() != "o"][:2]
    np.testing.assert_allclose(bars, [[0.816, 0.884], [0.477, 0.583]], rtol=1e-6)


def test_without_a_ladder_nothing_is_drawn_and_why_is_said():
    run = a_run(None)
    assert isinstance(ladder.prepare(run), Missing)
    assert isinstance(meaning.prepare(run), Missing)
    assert ladder_blocks(run, 0, blocks.Numbering()) == []
    assert "3 of 5000" in meaning.prepare(a_run(synthetic.made_ladder(where=False))).reason


def test_blocks_of_the_report():
    numbering = blocks.Numbering()
    figure, table, where = ladder_blocks(a_run(synthetic.made_ladder()), 0, numbering)
    assert (figure.number, where.number) == (1, 2)
    assert table.head == ("sampler", "FD", "meaningful")
    assert table.rows[4][:2] == ("normal", "55 (49.5 to 60.5)")
    assert table.marked == {(7, 1)}
    assert "flow is left out: too few codes." in table.note
    assert scores_table(synthetic.made_ladder()) == table
    assert len(re.findall("<image", str(figure.svg))) == 8


def test_finding_names_the_sampler_and_its_figure():
    (finding,) = findings_of([a_run(synthetic.made_ladder())])
    assert finding.says == "The shape of the cloud is what matters."
    assert finding.advice.startswith("Draw from mixture: Autoencoder.from_pretrained('runs/one').sample(n).")
    assert finding.figure == "ladder"
    none = synthetic.made_ladder()
    (finding,) = findings_of([a_run(replace(none, content={**none.content, "recommended": None}))])
    assert finding.advice is None


def test_words_of_a_direction():
    rows = ladder.auc_rows(synthetic.made_ladder().content)
    assert rows[0] == (
        "0.850",
        "0.816 to 0.884",
        "mean distance to the nearest codes: smaller is more often meaningful",
    )
    assert rows[1][2].endswith("no difference seen")
    assert ladder.direction_words({"value": 0.3, "low": 0.2, "high": 0.4}) == "larger is more often meaningful"


def drawn_boxes(payload):
    """The panels of a ladder, with the boxes of their numbers, of their tick labels and of the vertical line."""
    figure = ladder.draw(ladder.prepare(a_run(payload)))
    with style():
        figure.draw_without_rendering()
        for axes in (axes for axes in figure.axes if axes.get_title(loc="left")):
            low, high = axes.get_xlim()
            ticks = [
                tick.label1.get_window_extent()
                for tick in axes.xaxis.get_major_ticks()
                if low <= tick.get_loc() <= high and tick.label1.get_text()
            ]
            yield (
                axes,
                [text.get_window_extent() for text in axes.texts],
                ticks,
                [
                    Bbox(axes.transData.transform(piece))
                    for line in axes.collections
                    for piece in line.get_segments()
                    if piece[0, 1] < piece[1, 1]
                ],
            )


@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_nothing_of_a_panel_lies_on_anything_else(scale):
    """FDs of which the interval of one reaches to 0, another's over the axis, and numbers beside the line."""
    payload = with_reconstructions(synthetic.made_ladder())
    rungs = [dict(entry) for entry in payload.content["rungs"]]
    values = [(550, 540, 560), (0.45, 0, 0.6), (3, 0.0002, 500), (0.9, 0.8, 1.0), (0.5, 0.45, 0.55)]
    for entry, (value, low, high) in zip(rungs, values, strict=True):
        entry["fd"] = {"value": scale * value, "low": scale * low, "high": scale * high}
    payload = replace(payload, content={**payload.content, "rungs": rungs})
    for axes, numbers, ticks, line in drawn_boxes(payload):
        assert len(ticks) > 1
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(ticks))
        reach = sum(abs(piece.height) for piece in line)
        assert reach <= axes.get_window_extent().height + 1e-6
        assert not any(number.overlaps(piece) for number in numbers for piece in line)
        frame = axes.get_window_extent()
        assert all(frame.x0 <= number.x0 and number.x1 <= frame.x1 + 1 for number in numbers)
        assert bool(line) == (axes.get_title(loc="left") == "FD")
    arrows = [line for line in next(drawn_boxes(payload))[0].lines if line.get_marker() == "<"]
    assert [arrow.get_ydata()[0] for arrow in arrows] == [4]
    assert "an arrow at one: it reaches to 0" in ladder.caption(ladder.prepare(a_run(payload)))


def test_the_picture_names_the_run_and_explains_its_marks():
    figure = ladder.draw(ladder.prepare(a_run(synthetic.made_ladder())))
    words = [text.get_text() for text in figure.texts]
    assert words[0] == "AE · one"
    assert words[-1].endswith("line: FD of reconstructions · bold: recommended")
    with style():
        key = figure.texts[-1].get_window_extent()
    assert key.x0 >= 0
    assert key.x1 <= figure.bbox.x1
