"""Codes of one's own measured into a folder: what it holds, when it is up to date, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zscope.errors import CodesError, ExistsError, FormatError, ParameterError, SourceError, ZscopeError
from zscope.measures import ActivityMeasure, AxesMeasure, LogVarianceMeasure, PlanesMeasure, RadiusMeasure
from zscope.nulls import CLAIMS
from zscope.report.page import render
from zscope.runs.run import Run
from zscope.study import codes
from zscope.study.codes import CodesRequest, folder_of, measure_file
from zscope.study.labels import code_labels, groups_of
from zscope.study.load import load_codes, load_study
from zscope.study.measure import MeasureSettings

N, D = 200, 4
QUICK = MeasureSettings(draws=2)
TABLE = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32) * np.array([1, 1, 1, 5], np.float32)


@pytest.fixture(autouse=True)
def _few_measures(monkeypatch):
    chosen = (RadiusMeasure(), AxesMeasure(), ActivityMeasure(), LogVarianceMeasure(), PlanesMeasure(draws=9))
    monkeypatch.setattr(codes, "MEASURES", chosen)


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "mine.npy", TABLE)
    return tmp_path / "mine.npy"


def measured(file, *, force=False, out=None, **options):
    lines = []
    request = CodesRequest(file, settings=options.pop("settings", QUICK), **options)
    found = measure_file(request, out or folder_of(file), force=force, log=lines.append)
    return found, lines


def test_the_folder_beside_the_file_holds_all_that_a_report_needs(file):
    found, lines = measured(file)
    folder = file.parent / "mine.zscope"
    assert lines == [f"{file}: 200 codes of 4 dimensions", "measuring 200 codes of 4 dimensions"]
    assert {path.name for path in folder.iterdir()} == {
        "codes.json",
        "measures.json",
        "points.parquet",
        "null-covariance-codes.parquet",
        "lineup-codes.parquet",
    }
    assert found["cloud"] == {"n": 200, "d": 4, "tested": 200}
    manifest = json.loads((folder / "codes.json").read_text())
    assert (manifest["format"], manifest["version"], manifest["file"]) == ("zscope-codes", 1, str(file))
    points = pq.read_table(folder / "points.parquet")
    assert points["id"].to_pylist() == list(range(N))
    assert points["radius"].to_numpy() == pytest.approx(np.linalg.norm(TABLE, axis=1), rel=1e-6)
    file.unlink()  # what was measured stands without the codes
    payload = load_codes(folder)
    assert (payload.name, payload.trained, payload.first.n, payload.label_column) == ("mine.npy", False, 200, None)
    assert payload.first.skipped == {"logvar": LogVarianceMeasure().applies(codes.LatentCodes.of(TABLE))}
    assert payload.first.verdicts["axes"]["claim"] == "dominating_axes"
    assert set(payload.first.lineup) == {"panel", "x", "y", "codes"}


def test_the_report_of_codes_says_nothing_of_training(file):
    measured(file)
    payload = load_codes(folder_of(file))
    page = render(load_study(payload.name, [payload]), zoom=False)
    for absent in ("nats per image", ">Images", ">Losses", "held-out", "econstruction"):
        assert absent not in page, absent
    assert '<h1>mine.npy</h1>\n  <p class="about">200 codes of 4 dimensions</p>' in page
    for verdict in payload.first.verdicts.values():
        assert CLAIMS[verdict["claim"]].asks in page
    assert "3 dominates" in page or "dominates: 3" in page
    assert "Which panel shows the codes?" in page


def test_up_to_date_until_codes_or_settings_change(file):
    measured(file)
    assert measured(file)[1][-1].endswith("mine.zscope: up to date")
    np.save(file, TABLE.astype(np.float64))  # the same numbers
    assert measured(file)[1][-1].endswith("up to date")
    for options in (
        {"settings": MeasureSettings(draws=3)},
        {"labels": labels_of(file)},
        {"group": str(labels_of(file))},
    ):
        with pytest.raises(ExistsError, match=r"mine.zscope holds other codes or was measured otherwise; give --force"):
            measured(file, **options)
    np.save(file, TABLE + 1)
    with pytest.raises(ExistsError, match="holds other codes"):
        measured(file)
    assert measured(file, force=True)[0]["cloud"]["n"] == N
    assert measured(file)[1][-1].endswith("up to date")


def labels_of(file):
    path = file.with_name("kinds.txt")
    path.write_text("".join(f"{i % 3}\n" for i in range(N)))
    return path


def test_a_folder_of_something_else_is_not_replaced(file):
    out = file.with_name("taken")
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    for force in (False, True):
        with pytest.raises(ExistsError, match="taken"):
            measured(file, out=out, force=force)
    run = Run.create(file.with_name("run"), source="digits", config={}, data={"hash": ""}, seed=0, force=False)
    (run.path / "measures.json").write_text('{"format": "zscope-measures", "version": 1}')
    with pytest.raises(ExistsError, match=r"holds no codes.json"):
        measured(file, out=run.path, force=True)
    assert (out / "mine.txt").read_text() == "keep me"
    assert (run.path / "run.json").exists()


def test_a_failure_leaves_nothing(file, monkeypatch):
    def broken(*arguments, **named):
        raise ZscopeError("full")

    monkeypatch.setattr(codes, "write_nulls", broken)
    with pytest.raises(ZscopeError, match="full"):
        measured(file, out=file.parent / "new" / "folder")
    assert [path.name for path in file.parent.iterdir()] == ["mine.npy"]


class TestBadRows:
    @pytest.fixture
    def holes(self, file):
        table = TABLE.copy()
        table[[7, 50], [0, 3]] = np.nan, np.inf
        np.save(file, table)
        return file

    def test_they_are_refused_and_named(self, holes):
        with pytest.raises(
            CodesError, match=r"mine.npy: 2 of 200 rows hold NaN or infinity \(rows 7, 50, .*--drop-bad leaves them out"
        ):
            measured(holes)
        assert not folder_of(holes).exists()

    def test_they_are_left_out_with_their_labels_and_groups(self, holes, monkeypatch):
        seen = []
        real = codes.measure_codes
        monkeypatch.setattr(codes, "measure_codes", lambda given, *a, **k: seen.append(given) or real(given, *a, **k))
        labels = labels_of(holes)
        found, lines = measured(holes, drop_bad=True, labels=labels, group="label")
        kept = np.delete(np.arange(N), [7, 50])
        assert any("left out" in line and "2 of 200" in line for line in lines)
        assert (found["cloud"]["n"], found["about"]["dropped"]) == (198, 2)
        points = pq.read_table(folder_of(holes) / "points.parquet")
        assert points["id"].to_pylist() == kept.tolist()
        assert points["label"].to_pylist() == (kept % 3).tolist()
        assert np.array_equal(seen[0].mean, TABLE[kept])
        assert np.array_equal(seen[0].groups, kept % 3)
        assert load_codes(folder_of(holes)).label_column == "label"
        assert measured(holes, drop_bad=True, labels=labels, group="label")[1][-1].endswith("up to date")


def test_log_variances_are_measured_too(tmp_path):
    np.savez(tmp_path / "vae.npz", mean=TABLE, logvar=np.full_like(TABLE, -2.0))
    measured(tmp_path / "vae.npz")
    payload = load_codes(tmp_path / "vae.zscope")
    assert payload.first.values["logvar"]["logvar"]["mean"] == pytest.approx(-2)
    said = [finding.says for finding in load_study("vae", [payload]).findings]
    assert any(says.startswith("Draws of the posteriors of vae.npz lie at radius") for says in said)


@pytest.mark.parametrize("shape", [(1, 1), (3, 8)])
def test_small_clouds_are_measured_as_far_as_they_go(shape, tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).standard_normal(shape))
    found, _ = measured(tmp_path / "few.npy")
    assert found["cloud"]["n"] == shape[0]
    payload = load_codes(tmp_path / "few.zscope")
    assert "</html>" in render(load_study("few", [payload]))


def test_a_broken_folder_is_one_line(file):
    measured(file)
    folder = folder_of(file)
    with pytest.raises(ParameterError, match="label must be one of none: there are no labels, got colour"):
        load_codes(folder, label="colour")
    (folder / "points.parquet").write_text("no")
    with pytest.raises(FormatError, match=r"points.parquet"):
        load_codes(folder)
    (folder / "measures.json").unlink()
    with pytest.raises(FormatError, match=r"holds no measures.json"):
        load_codes(folder)


def test_the_example_of_the_documentation_runs():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "measure-your-codes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    exec(compile(block, "docs/how-to/measure-your-codes.md", "exec"), names)
    assert names["radius"].values["mean"] == pytest.approx(np.sqrt(8), abs=0.2)


class TestLabels:
    @pytest.mark.parametrize(
        ("name", "content", "labels"),
        [
            ("a.txt", "cat\ndog\n\n", {"label": ["cat", "dog", None]}),
            ("b.txt", "1\n-2\n3", {"label": [1, -2, 3]}),
            ("c.csv", "kind,age\na,1.5\nb,\nc,3\n", {"kind": ["a", "b", "c"], "age": [1.5, None, 3.0]}),
        ],
    )
    def test_text_files(self, name, content, labels, tmp_path):
        (tmp_path / name).write_text(content)
        found = code_labels(tmp_path / name, 3)
        assert {key: column.to_pylist() for key, column in found.items()} == labels

    def test_arrays_and_parquet(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array(["x", "y"]))
        pq.write_table(pa.table({"kind": ["u", "v"]}), tmp_path / "b.parquet")
        assert code_labels(tmp_path / "a.npy", 2)["label"].to_pylist() == ["x", "y"]
        assert code_labels(tmp_path / "b.parquet", 2)["kind"].to_pylist() == ["u", "v"]

    @pytest.mark.parametrize(
        ("name", "content", "error", "words"),
        [
            ("a.txt", "1\n2\n", CodesError, "a.txt must have 200 rows, one for each code, got 2"),
            ("a.csv", "k\n1\n", CodesError, "must have 200 rows below its line of names, one for each code, got 1"),
            ("a.csv", "radius\n" + "1\n" * N, CodesError, "must not have a label 'radius', which measures add"),
            ("a.json", "[]", SourceError, r"must be a file of labels \(.npy, .csv, .parquet, .txt\)"),
            ("a.npy", "no", SourceError, "a.npy cannot be read"),
            ("gone.txt", None, SourceError, "there is no such file"),
        ],
    )
    def test_wrong_ones_are_refused_before_anything_is_measured(self, name, content, error, words, file):
        path = file.with_name(name)
        if content is not None:
            path.write_text(content)
        with pytest.raises(error, match=words):
            measured(file, labels=path)
        assert not folder_of(file).exists()

    def test_groups_by_name_or_file(self, file):
        kinds = pa.chunked_array([["a", None, "b"], ["a", None]])
        assert groups_of("kind", {"kind": kinds}, 5).ids.tolist() == [0, 5, 1, 0, 6]
        assert groups_of(str(labels_of(file)), {}, N).ids.tolist() == [i % 3 for i in range(N)]
        two = file.with_name("two.csv")
        two.write_text("a,b\n" + "1,2\n" * N)
        with pytest.raises(ParameterError, match=r"group must be a file with one column \(a, b\), got .*two.csv"):
            groups_of(str(two), {}, N)
        with pytest.raises(ParameterError, match=r"a label \(none: there are no labels\), got person"):
            measured(file, group="person")


def test_the_answer_of_the_lineup_is_not_the_same_for_all_codes(tmp_path):
    """A second lineup would be no riddle if its answer were the first one's."""
    answers = set()
    for seed in range(6):
        np.save(tmp_path / f"{seed}.npy", np.random.default_rng(seed).standard_normal((N, D)).astype(np.float32))
        measured(tmp_path / f"{seed}.npy")
        lineup = load_codes(tmp_path / f"{seed}.zscope").first.lineup
        answers.add(int(lineup["panel"][lineup["codes"].astype(bool)][0]))
    assert len(answers) > 1  # by chance with probability 1 − 20⁻⁵
