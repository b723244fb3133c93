"""The figure of every two runs: what it takes, what its caption says, and that it can be drawn."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from zscope.figures import alike
from zscope.figures.base import Missing
from zscope.figures.render import svg_text
from zscope.measures.alike import alikeness
from zscope.measures.space import Space
from zscope.nulls.seeds import Seeds
from zscope.study.alike import NotCompared, RunPair, RunsAlike


def held_against(count, models):
    """Runs of random codes, of which every second is of the second model if there are two."""
    rng = np.random.default_rng(0)
    spaces = [Space.of(rng.standard_normal((60, 3))) for _ in range(count)]
    rows = [tuple(range(place, count, models)) for place in range(models)]
    return RunsAlike(
        names=tuple(f"run {place}" for place in range(count)),
        seeds=tuple(range(count)),
        peaks=tuple(space.peak for space in spaces),
        models=tuple(Seeds(f"model {place}", own, own) for place, own in enumerate(rows)),
        pairs=tuple(
            RunPair(one, other, alikeness(spaces[one], spaces[other]))
            for one in range(count)
            for other in range(one + 1, count)
        ),
        between=(),
        split="train",
        n=60,
        of=60,
        queries=60,
        k=10,
        notes=(),
    )


@pytest.mark.parametrize(("count", "models"), [(2, 2), (3, 1), (10, 2), (14, 2)])
def test_it_is_drawn(count, models):
    data = alike.prepare(held_against(count, models))
    figure = alike.draw(data)
    assert isinstance(figure, Figure)
    text = svg_text(figure, "alike")
    names = [name for name, _ in data.models] if count > alike.MOST_NAMED else data.names
    assert all(name in text for name in names)
    says = alike.caption(data)
    assert says.endswith(".")
    assert "same 60 training images" in says
    assert "17 % in unrelated ones" in says
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", says)


def test_runs_stand_model_by_model():
    found = held_against(4, 2)
    data = alike.prepare(found)
    assert data.names == ("run 0", "run 2", "run 1", "run 3")
    assert data.models == (("model 0", 2), ("model 1", 2))
    r2, shared, _ = data.panels
    pair = next(pair.alike for pair in found.pairs if (pair.one, pair.other) == (1, 2))
    assert r2.values[2, 1] == pair.r2_forth
    assert r2.values[1, 2] == pair.r2_back
    assert shared.values[1, 2] == shared.values[2, 1] == pair.overlap
    assert np.isnan(np.diag(r2.values)).all()
    assert [title for title, _, _ in data.means] == ["seeds of model 0", "seeds of model 1"]


def test_colours_span_a_little_even_where_all_are_equal():
    square = np.full((2, 2), 0.5)
    panel = alike._panel("x", square)
    assert (panel.low, panel.high) == pytest.approx((0.49, 0.51))


def test_what_is_missing():
    assert "zscope compare" in alike.prepare(None).reason
    assert alike.prepare(NotCompared("they are of different images")) == Missing("they are of different images")
