"""Measuring a run folder: when it is up to date, and with whose noise it draws."""

import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from zscope.measures import ActivityMeasure, LogVarianceMeasure, RadiusMeasure
from zscope.runs.latents import write_latents
from zscope.study import measure
from zscope.study.measure import MEASURING_VERSION, measure_run, measures_of

N, D = 60, 3


def write_codes(path, *, force=False):
    rng = np.random.default_rng(0)
    mean, logvar = rng.standard_normal((2, N, D)).astype(np.float32)
    points = pa.table({"id": [str(i) for i in range(N)], "split": ["train"] * 50 + ["held-out"] * 10})
    about = {"precision": "fp32", "model": "m", "data": "d"}
    return write_latents(path, [(mean, logvar)], points, d=D, logvar=True, about=about, force=force)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Stand-in of a run with a model whose noise is halved and not clipped; a few quick measures."""
    monkeypatch.setattr(measure, "MEASURES", (RadiusMeasure(), ActivityMeasure(), LogVarianceMeasure()))
    monkeypatch.setattr(measure, "model_hash", lambda run: "m")
    write_codes(tmp_path / "latents")
    model = {"kind": "vae", "eps_clip": None, "eps_factor": 0.5}
    return SimpleNamespace(path=tmp_path, latents=tmp_path / "latents", config={"model": model})


def measured(run, latents=None):
    lines = []
    found = measure_run(run, latents or measure.Latents.open(run.latents), draws=2, log=lines.append)
    return found, any("up to date" in line for line in lines)


def test_measured_again_only_where_something_is_missing(run):
    assert not measured(run)[1]
    assert measured(run)[1]
    assert not measured(run, write_codes(run.latents, force=True))[1]
    assert "radius" in measure.Latents.open(run.latents).points.column_names
    assert measured(run)[1]
    (run.latents / "null-covariance-train.parquet").unlink()
    assert not measured(run)[1]
    assert measured(run)[1]


def test_what_an_older_version_measured_is_out_of_date(run):
    found, _ = measured(run)
    assert found["about"]["measuring"] == MEASURING_VERSION == 2
    path = run.path / "measures.json"
    before = json.loads(path.read_text())
    before["about"]["measuring"] = 1
    path.write_text(json.dumps(before))
    assert not measured(run)[1]
    del before["about"]["measuring"]
    path.write_text(json.dumps(before))
    assert not measured(run)[1]


def test_posteriors_are_drawn_with_the_noise_of_the_model(run):
    values = next(entry["values"] for entry in measured(run)[0]["measures"] if entry["name"] == "logvar")
    assert (values["clip"], values["factor"]) == (None, 0.5)
    run.config["model"] = {"kind": "vae"}  # made before there were such settings
    assert measures_of(run) == measure.MEASURES


def test_counts_are_told_in_the_right_number(run):
    lines = []
    measure_run(run, measure.Latents.open(run.latents), draws=2, log=lines.append)
    assert lines == ["measuring 50 train codes of 3 dimensions", "measuring 10 held-out codes of 3 dimensions"]
