"""The lineup, and the figures below the windows of the planes."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from zscope.clouds import CovarianceCloud
from zscope.figures import Missing, lineup, planes
from zscope.figures.render import svg_text
from zscope.measures import LatentCodes, PlanesMeasure
from zscope.measures.planes import lineup_points, plane_projection, project
from zscope.study.payload import RunPayload, SplitPayload


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    codes = LatentCodes.of(rng.standard_normal((900, 4)) * [3, 2, 1, 1])
    found = PlanesMeasure(draws=5).measure(codes, rng)
    projection = plane_projection(codes.mean)
    part = SplitPayload(
        name="train",
        n=codes.n,
        d=codes.dimension,
        values={"planes": found.values},
        tests={},
        verdicts={},
        skipped={},
        points=dict(found.points),
        null_points=dict(project(CovarianceCloud().fit(codes.mean).draw_matched(codes.n, rng), projection)),
        lineup=lineup_points(codes.mean, projection, rng),
    )
    none = np.empty((0, 8, 8, 1), np.uint8)
    return RunPayload("a", "AE", "runs/a", {}, [], none, none, (), {"train": part}, None)


def with_part(run, **changes):
    return replace(run, splits={"train": replace(run.splits["train"], **changes)})


class TestLineup:
    def test_the_answer_is_the_panel_of_the_codes(self, run):
        data = lineup.prepare(run)
        columns = run.splits["train"].lineup
        assert len(data.panels) == 20
        x, y = data.panels[data.answer - 1]
        assert np.array_equal(x, columns["x"][columns["codes"]])
        assert np.array_equal(y, columns["y"][columns["codes"]])
        assert (data.x, data.y) == ("component 1", "component 2")

    def test_the_caption_ends_with_the_answer(self, run):
        data = lineup.prepare(run)
        says = lineup.caption(data)
        assert says.endswith(f"Choose before reading on. The codes are panel {data.answer}.")
        assert "One of these 20 panels shows training codes" in says
        assert "with 300 points" in says
        assert "once in 20 times" in says

    def test_every_panel_is_drawn_alike(self, run):
        data = lineup.prepare(run)
        figure = lineup.draw(data)
        assert isinstance(figure, Figure)
        shown = [axes for axes in figure.axes if axes.collections]
        assert [axes.get_title(loc="left") for axes in shown] == [str(number) for number in range(1, 21)]
        looks = {
            (
                *axes.get_xlim(),
                *axes.get_ylim(),
                len(axes.collections[0].get_offsets()),
                *axes.collections[0].get_facecolor()[0],
                *axes.collections[0].get_sizes(),
            )
            for axes in shown
        }
        assert len(looks) == 1

    def test_a_row_that_is_not_full(self, run):
        columns = run.splits["train"].lineup
        few = {name: values[columns["panel"] <= 7] for name, values in columns.items()}
        few["codes"] = few["panel"] == 3
        data = lineup.prepare(with_part(run, lineup=few))
        assert (len(data.panels), data.answer) == (7, 3)
        assert svg_text(lineup.draw(data), "lineup").rstrip().endswith("</svg>")

    def test_what_is_missing_says_so(self, run):
        assert "no lineup of the training codes" in lineup.prepare(with_part(run, lineup={})).reason
        empty = {"panel": np.empty(0, np.int8)}
        assert isinstance(lineup.prepare(with_part(run, lineup=empty)), Missing)
        columns = run.splits["train"].lineup
        unknown = {**columns, "codes": np.zeros(len(columns["codes"]), bool)}
        assert lineup.prepare(with_part(run, lineup=unknown)) == Missing(
            "the lineup does not say which panel is the codes'"
        )
        assert lineup.prepare(with_part(run, values={})) == Missing("planes has not been measured")


class TestFiguresBelowWindows:
    def test_they_are_the_measures(self, run):
        data = planes.prepare(run)
        assert data.draws == 5
        measured = run.splits["train"].values["planes"]["planes"][0]["windows"]
        for window, known in zip(data.planes[0].windows, measured, strict=True):
            if known["statistics"] is None:
                assert window.statistics == ()
                continue
            empty = known["statistics"]["empty"]
            words, own, null, p = window.statistics[0]
            assert (words, own) == ("empty cells", f"{100 * empty['value']:.0f} %")
            assert (null, p) == (f"{100 * empty['null_mean']:.0f} %", f"{empty['p']:.2f}")
            assert [row[0] for row in window.statistics] == ["empty cells", "clumping", "spacing", "in chains"]

    def test_they_stand_below_their_window(self, run):
        data = planes.prepare(run)
        one = replace(data, planes=data.planes[:1])
        text = svg_text(planes.draw(one), "planes")
        for window in one.planes[0].windows:
            for _, own, null, p in window.statistics:
                assert f">{own}</text>" in text
                assert f">{null}</text>" in text
                assert f">{p}</text>" in text
        assert text.count(">in chains</text>") == 1
        assert "too few points" in text
        says = planes.caption(one)
        assert "they decide nothing about filaments or voids" in says
        assert "the mean of 5 windows with as many points" in says

    def test_what_an_older_version_measured_has_none(self, run):
        values = run.splits["train"].values["planes"]
        old = {
            "unit": values["unit"],
            "planes": [
                {
                    **plane,
                    "windows": [{key: window[key] for key in ("half_width", "count")} for window in plane["windows"]],
                }
                for plane in values["planes"]
            ],
        }
        data = planes.prepare(with_part(run, values={"planes": old}))
        assert data.draws == 0
        assert all(window.statistics == () for plane in data.planes for window in plane.windows)
        assert "Below a window" not in planes.caption(data)
        assert len(planes.draw(data).axes) == 2 * len(data.planes) * len(data.planes[0].windows)
