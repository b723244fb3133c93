"""Measuring a run folder: when it is up to date, and with whose noise it draws."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from zscope.errors import CodesError, ParameterError
from zscope.measures import ActivityMeasure, LogVarianceMeasure, RadiusMeasure, TsneMeasure, tsne
from zscope.measures.base import LatentCodes
from zscope.measures.planes import plane_projection, project
from zscope.runs.latents import write_latents
from zscope.runs.measured import read_null_points
from zscope.study import measure
from zscope.study.measure import MEASURING_VERSION, MeasureSettings, measure_run, measures_of, null_points

N, D = 60, 3
QUICK = MeasureSettings(draws=2)


def write_codes(path, *, force=False):
    rng = np.random.default_rng(0)
    mean, logvar = rng.standard_normal((2, N, D)).astype(np.float32)
    points = pa.table(
        {
            "id": [str(i) for i in range(N)],
            "split": ["train"] * 50 + ["held-out"] * 10,
            "person": [None if i < 2 else f"p{i // 3}" for i in range(N)],
        }
    )
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


def measured(run, latents=None, settings=QUICK, group=None):
    lines = []
    latents = latents or measure.Latents.open(run.latents)
    found = measure_run(run, latents, settings, group=group, log=lines.append)
    return found, any("up to date" in line for line in lines)


def test_measured_again_only_where_something_is_missing(run):
    assert not measured(run)[1]
    assert measured(run)[1]
    assert not measured(run, write_codes(run.latents, force=True))[1]
    assert "radius" in measure.Latents.open(run.latents).points.column_names
    assert measured(run)[1]
    for name in ("null-covariance-train", "lineup-held-out"):
        (run.latents / f"{name}.parquet").unlink()
        assert not measured(run)[1]
        assert measured(run)[1]


def test_what_an_older_version_measured_is_out_of_date(run):
    found, _ = measured(run)
    assert found["about"]["measuring"] == MEASURING_VERSION == 5
    path = run.path / "measures.json"
    before = json.loads(path.read_text())
    before["about"]["measuring"] = 2
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
    measure_run(run, measure.Latents.open(run.latents), MeasureSettings(draws=2, points=20), log=lines.append)
    assert lines == [
        "measuring 50 train codes of 3 dimensions, 20 of them against nulls",
        "measuring 10 held-out codes of 3 dimensions",
    ]


@pytest.mark.parametrize(
    "changed", [{"draws": 3}, {"seed": 1}, {"points": 30}, {"queries": 10}, {"maps": True}], ids=lambda c: next(iter(c))
)
def test_other_settings_are_measured_anew(run, changed):
    measured(run)
    other = replace(QUICK, **changed)
    assert not measured(run, settings=other)[1]
    assert measured(run, settings=other)[1]


def test_settings_of_maps_that_are_not_made_change_nothing(run):
    measured(run)
    assert measured(run, settings=replace(QUICK, map_draws=5, map_points=40))[1]


def test_groups_are_part_of_what_is_measured(run, monkeypatch):
    seen = []
    real = measure.measure_codes
    monkeypatch.setattr(
        measure, "measure_codes", lambda codes, *a, **k: seen.append(codes.groups) or real(codes, *a, **k)
    )
    found, _ = measured(run, group="person")
    train, held_out = seen
    # Two without a person are groups of their own; three of each of the others share one.
    assert len(set(train)) == 2 + 1 + 16
    assert train[2] != train[3] == train[4] == train[5]
    assert len(held_out) == 10
    assert found["about"]["group"].startswith("person (")
    assert measured(run, group="person")[1]
    assert not measured(run)[1]
    with pytest.raises(ParameterError, match=r"group must be a file of labels or a label .*person.*, got colour"):
        measured(run, group="colour")
    (run.path / "few.txt").write_text("a\nb\n")
    with pytest.raises(CodesError, match=r"few.txt must have 60 rows, one for each code, got 2"):
        measured(run, group=str(run.path / "few.txt"))


@pytest.mark.parametrize(
    ("setting", "least"), [("draws", 0), ("points", 1), ("queries", 1), ("map_draws", 0), ("map_points", 10)]
)
def test_settings_have_bounds(run, setting, least):
    with pytest.raises(ParameterError, match=f"{setting} must be at least {least}, got {least - 1}"):
        measured(run, settings=replace(QUICK, **{setting: least - 1}))
    assert not (run.path / "measures.json").exists()


def test_maps_are_made_where_they_are_asked_for(run, monkeypatch):
    quick = TsneMeasure(settings=(replace(tsne.SETTINGS[0], iterations=250),))
    monkeypatch.setattr(measure, "MEASURES", (quick,))
    monkeypatch.setattr(measure, "SETTINGS", quick.settings)
    without, _ = measured(run)
    assert without["measures"] == [{"name": "tsne", "title": quick.title, "skipped": "maps were not asked for"}]
    with_maps, _ = measured(run, settings=replace(QUICK, maps=True, map_draws=0, map_points=30))
    assert with_maps["measures"][0]["values"]["maps"][0]["name"] == "standard"
    assert with_maps["measures"][0]["tests"] == []
    points = measure.Latents.open(run.latents).points
    assert np.isfinite(points["tsne.standard.x"].to_numpy()).sum() == 30 + 10
    null = read_null_points(run.latents / "null-covariance-train.parquet")
    assert np.isfinite(null["tsne.standard.x"]).sum() == 30


def test_null_points_share_the_moments_of_the_codes_in_every_plane():
    rng = np.random.default_rng(0)
    codes = LatentCodes.of(rng.standard_normal((400, 5)) * [3, 1, 1, 0, 2] + [0, 5, 0, 1, 0])
    null = null_points(codes, MeasureSettings(), split="train")
    own = project(codes.mean, plane_projection(codes.mean))
    assert list(null) == list(own)
    drawn, given = (np.stack(list(columns.values())) for columns in (null, own))
    assert drawn.mean(axis=1) == pytest.approx(given.mean(axis=1), abs=1e-4)
    assert np.cov(drawn) == pytest.approx(np.cov(given), abs=1e-3)
    # The same moments, and yet no code: each point is drawn.
    assert np.abs(drawn - given).max(axis=0).min() > 1e-3


@pytest.mark.parametrize("shape", [(50, 1), (5, 5)])
def test_no_null_points_where_there_are_no_planes_or_too_few_codes(shape):
    codes = LatentCodes.of(np.random.default_rng(0).standard_normal(shape))
    assert null_points(codes, MeasureSettings(maps=True), split="train") == {}
