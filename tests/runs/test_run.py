"""The run folder: made, opened, replaced, its metrics and its hash."""

import json

import pytest

from zscope.errors import ExistsError, FormatError
from zscope.runs.run import Run, config_hash, find_runs

WHOLE = {
    "format": "zscope-run",
    "version": 1,
    "source": "digits",
    "data": {"hash": "d"},
    "hash": "h",
    "state": "finished",
}
WHOLE["config"] = {"model": {"kind": "ae", "shape": [8, 8, 1], "beta": 0}, "training": {}}
CONFIG = {"model": {"kind": "vae", "shape": [8, 8, 1], "beta": 2.0}, "training": {"epochs": 1}}


def line(step):
    return {"step": step, "epoch": step, "split": "train", "total": step / 7, "reconstruction": step / 7, "kl": 0}


def create(path, *, force=False, config=CONFIG, data_hash="d"):
    return Run.create(path, source="digits", config=config, data={"hash": data_hash}, seed=3, force=force)


def test_what_is_created_is_opened(tmp_path):
    made, opened = create(tmp_path / "above" / "run"), Run.open(tmp_path / "above" / "run")
    assert opened.name == "run"
    assert opened.state == "training"
    assert opened.config == CONFIG
    assert opened.data == {"hash": "d"}
    assert {key: opened.manifest[key] for key in made.manifest} == made.manifest
    assert opened.latents == tmp_path / "above" / "run" / "latents"


def test_changes_are_saved(tmp_path):
    create(tmp_path / "run").save(state="finished")
    Run.open(tmp_path / "run").save(note="kept")
    again = Run.open(tmp_path / "run")
    assert (again.state, again.manifest["note"]) == ("finished", "kept")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["format"] == "zscope-run"


def test_nothing_is_replaced_without_force(tmp_path):
    create(tmp_path / "run").append_metrics(line(1))
    with pytest.raises(ExistsError, match="--resume to continue it or --force to replace it"):
        create(tmp_path / "run")
    assert create(tmp_path / "run", force=True).metrics() == []


def test_a_folder_that_is_no_run_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ExistsError, match="is no run folder; it is left alone even with --force"):
        create(tmp_path / "mine", force=True)
    (tmp_path / "mine" / "run.json").write_text('{"name": "of another program"}')
    with pytest.raises(ExistsError, match="is no run folder"):
        create(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "letter.txt").exists()
    (tmp_path / "empty").mkdir()
    assert create(tmp_path / "empty", force=True).state == "training"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("", "not valid JSON"),
        ('{"format": "zscope-images", "version": 1}', "must have the format 'zscope-run'"),
        ('{"format": "zscope-run", "version": 2}', "written by a newer zscope"),
        ('{"format": "zscope-run", "version": 1}', r"run\.json must hold 'source'"),
        (json.dumps({**WHOLE, "config": {"model": {}, "training": {}}}), r"config\.model must hold 'kind'"),
        (json.dumps({**WHOLE, "data": {}}), "data must hold 'hash'"),
    ],
)
def test_what_is_no_run_is_named_in_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "run.json").write_text(content)
    with pytest.raises(FormatError, match=message) as caught:
        Run.open(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "run") in str(caught.value)


def test_a_folder_without_a_manifest(tmp_path):
    with pytest.raises(FormatError, match=r"is no run folder \(it holds no run.json\)"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ({"kind": "ae", "shape": [8, 8, 1], "beta": 0}, "AE"),
        ({"kind": "vae", "shape": [8, 8, 1], "beta": 2.0}, "VAE, beta 2"),
        ({"kind": "vae", "shape": [8, 8, 3], "beta": 3e-5}, "VAE, fact 1e-05 (beta 3e-05)"),
        (
            {"kind": "ae", "shape": [8, 8, 1], "beta": 0, "regularisers": [{"name": "l2", "weight": 1}]},
            "AE, l2",
        ),
        (
            {
                "kind": "vae",
                "shape": [8, 8, 1],
                "beta": 2.0,
                "regularisers": [{"name": "free-bits", "floor": 1}, {"name": "mmd", "weight": 1}],
                "schedule": {"name": "linear", "epochs": 5},
                "prior": {"name": "vamp"},
                "likelihood": "gaussian",
            },
            "VAE, beta 2, free-bits, mmd, schedule linear, prior vamp, gaussian",
        ),
    ],
)
def test_label(tmp_path, model, label):
    assert create(tmp_path / "run", config={"model": model}).label == label


def test_metrics_are_appended_read_and_cut(tmp_path):
    run = create(tmp_path / "run")
    assert run.metrics() == []
    records = [line(step) for step in range(4)]
    for record in records:
        run.append_metrics(record)
    assert run.metrics() == records
    run.truncate_metrics(2)
    assert run.metrics() == records[:2]
    run.append_metrics(records[2])
    assert run.metrics() == records[:3]


def test_a_metrics_line_cut_short_is_named(tmp_path):
    run = create(tmp_path / "run")
    run.append_metrics(line(1))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "tot')
    with pytest.raises(FormatError, match=r"metrics.jsonl: line 2 is not JSON"):
        run.metrics()
    run.truncate_metrics(1)
    assert run.metrics() == [line(1)]


@pytest.mark.parametrize("damaged", ["[1]", '{"step": 1}', json.dumps({"step": 1, "epoch": "one"})])
def test_a_metrics_line_that_lacks_something_is_named(tmp_path, damaged):
    run = create(tmp_path / "run")
    run.append_metrics(line(1))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(damaged)
    with pytest.raises(FormatError, match=r"metrics.jsonl: line 2 must hold"):
        run.metrics()


def test_hash_is_of_configuration_and_data_and_not_of_their_order():
    assert config_hash({"a": 1, "b": 2}, "d") == config_hash({"b": 2, "a": 1}, "d")
    assert len({config_hash({"a": 1}, "d"), config_hash({"a": 2}, "d"), config_hash({"a": 1}, "e")}) == 3


def test_runs_are_found_in_a_folder_and_one_below(tmp_path):
    for name in ("b", "a", "study/c", "too/deep/d"):
        create(tmp_path / name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text('{"format": "zscope-run", "version": 1}')
    runs, damaged = find_runs(tmp_path)
    assert [run.name for run in runs] == ["a", "b", "c"]
    assert list(damaged) == [str(tmp_path / "other")]
