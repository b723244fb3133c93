"""Every command as a user calls it: exit codes, one line on standard error, nothing left behind."""

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zscope.cli.main import run as zscope

SMALL = ["--epochs", "1", "--limit", "120", "--z-dim", "3", "--filters", "8,8", "--strides", "2,2"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _inside(home, monkeypatch):
    monkeypatch.chdir(home)


@pytest.fixture(scope="module")
def trained(home):
    before = Path.cwd()
    os.chdir(home)
    try:
        assert zscope(["train", "digits", *SMALL, "--model", "vae", "--out", "made", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return home / "made"


def lines(capsys):
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_train_names_its_run_after_what_it_is(capsys, home):
    assert zscope(["train", "digits", *SMALL, "--quiet"]) == 0
    out, err = lines(capsys)
    assert out == ["runs/digits-ae-z3-s0"]
    assert err == []
    assert (home / out[0] / "run.json").exists()


def test_train_says_what_it_does(capsys, home):
    assert zscope(["train", "digits", *SMALL, "--out", "told"]) == 0
    _, err = lines(capsys)
    text = "\n".join(err)
    assert "parameters" in text
    assert "--limit 120" in text
    assert "nats per image" in text


def test_the_chain_of_commands_on_one_run(capsys, trained, home):
    assert zscope(["encode", "made", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 120
    assert zscope(["measure", "made", "--draws", "3", "--json", "--quiet"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["format"] == "zscope-measures"
    assert measured["cloud"]["n"] + measured["held_out"]["cloud"]["n"] == 120
    assert zscope(["sample", "made", "-n", "4", "--sampler", "mixture:2", "--sampler", "uniform:8", "--quiet"]) == 0
    capsys.readouterr()
    assert zscope(["sample", "made", "-n", "3", "--sampler", "axes", "--quiet"]) == 1
    assert "made/samples holds the run's samples" in lines(capsys)[1][0]
    assert zscope(["sample", "made", "-n", "3", "--sampler", "axes", "--out", "axes.svg", "--quiet"]) == 0
    assert (home / "axes.svg").exists()
    assert zscope(["sample", "made", "-n", "3", "--sampler", "axes", "--out", "axes", "--quiet"]) == 0
    assert np.load(home / "axes" / "samples" / "axes.npy").shape == (3, 8, 8, 1)
    assert not (home / "made" / "samples" / "axes.npy").exists()
    with Image.open(home / "made" / "samples.png") as picture:
        assert min(picture.size) > 100
    assert np.load(home / "made" / "samples" / "uniform-8.npy").shape == (4, 8, 8, 1)
    assert zscope(["encode", "made", "--out", "codes", "--quiet"]) == 0
    assert (home / "codes" / "mean-00000.npy").exists()
    assert zscope(["measure", "made", "--draws", "3", "--out", "measured", "--quiet"]) == 0
    assert json.loads((home / "measured" / "measures.json").read_text())["cloud"] == measured["cloud"]
    assert (home / "measured" / "figures" / "radius.png").exists()
    assert zscope(["measure", "made", "--draws", "3", "--out", "measured", "--quiet"]) == 1
    capsys.readouterr()
    assert zscope(["report", "made", "--quiet"]) == 0
    assert "</html>" in (home / "made" / "report.html").read_text()
    assert (home / "made" / "figures" / "radius.svg").exists()


def test_compare_prints_a_table_and_writes_a_report(capsys, trained, home):
    assert zscope(["train", "digits", *SMALL, "--out", "other", "--quiet"]) == 0
    capsys.readouterr()
    assert zscope(["compare", "made", "other", "--out", "both", "--quiet"]) == 0
    out, _ = lines(capsys)
    assert out[0].split() == ["made", "other"]
    assert any(line.startswith("reconstruction, held-out (nats per image)") for line in out)
    assert (home / "both" / "report.html").exists()
    assert zscope(["compare", "made", "--quiet"]) == 2


def test_a_page_in_the_working_folder_is_not_overwritten(capsys, trained, home):
    for name in ("one", "two"):
        assert zscope(["train", "digits", *SMALL, "--out", name, "--quiet"]) == 0
    (home / "report.html").write_text("mine")
    assert zscope(["report", "one", "two", "--quiet"]) == 1
    assert "report.html exists; give --force" in lines(capsys)[1][0]
    assert (home / "report.html").read_text() == "mine"
    assert zscope(["report", "one", "two", "--force", "--quiet"]) == 0
    assert "</html>" in (home / "report.html").read_text()
    (home / "report.html").unlink()


def test_study_ends_with_its_report_and_is_cheap_to_repeat(capsys, home):
    (home / "small.yaml").write_text(
        "name: small\nsource: digits\n"
        "train: {epochs: 1, limit: 120, z_dim: 3, filters: [8, 8], strides: [2, 2]}\n"
        "runs: {plain: {model: ae}, variational: {model: vae, beta: 0.1}}\n"
        "measure: {draws: 3}\nsample: {n: 3, clouds: [normal, covariance]}\n"
    )
    assert zscope(["study", "small.yaml", "--quiet"]) == 0
    out, err = lines(capsys)
    assert out[-1] == "runs/small/report.html"
    assert err == []
    page = html.unescape((home / out[-1]).read_text())
    assert [sentence for sentence in out[:-1] if sentence.split(": ", 1)[-1].split(". ")[0] not in page] == []
    assert {path.name for path in (home / "runs/small/figures").glob("*.png")} >= {"samples.png", "losses.png"}
    assert zscope(["study", "small.yaml", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["comparison"]["columns"] == ["plain", "variational"]
    assert captured.err.count("up to date") == 9  # the store, and four steps of two runs
    assert zscope(["study", "small.yaml", "--epochs", "2", "--quiet"]) == 1
    assert "--force" in lines(capsys)[1][0]
    assert zscope(["report", "runs/small", "--out", "elsewhere/page.html", "--quiet"]) == 0
    assert (home / "elsewhere" / "page.html").exists()


def test_a_damaged_run_is_named_and_the_others_are_listed(capsys, trained, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text('{"format": "zscope-run", "version": 1}')
    (tmp_path / "good").symlink_to(trained)
    assert zscope(["list", "--json", "--runs", str(tmp_path)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert list(content["runs"]) == [str(tmp_path / "good")]
    assert "must hold 'source'" in content["damaged runs"][str(tmp_path / "bad")]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("metrics.jsonl", "[1]", ["metrics.jsonl", "line 1", "list"]),
        ("metrics.jsonl", '{"step": 1}', ["metrics.jsonl", "line 1", "epoch"]),
        ("run.json", '{"format": "zscope-run", "version": 1}', ["run.json", "source"]),
        ("measures.json", '{"format": "zscope-measures", "version": 1, "measures": []}', ["measures.json", "cloud"]),
        ("latents/manifest.json", '{"format": "zscope-latents", "version": 1}', ["manifest.json", "'n'"]),
        ("samples/manifest.json", '{"format": "zscope-samples", "version": 1}', ["manifest.json", "clouds"]),
    ],
)
def test_a_damaged_file_is_one_line(capsys, trained, tmp_path, file, content, words):
    shutil.copytree(trained, tmp_path / "copy")
    (tmp_path / "copy" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "copy" / file).write_text(content)
    assert zscope(["report", str(tmp_path / "copy"), "--quiet"]) == 1
    _, err = lines(capsys)
    assert len(err) == 1
    assert all(word in err[0] for word in [str(tmp_path / "copy"), *words]), err


def test_list_shows_every_list(capsys, trained):
    assert zscope(["list", "--json", "--runs", "."]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {"sources", "presets", "clouds", "measures", "claims", "runs"} <= set(content)
    assert content["runs"]["made"] == "VAE, beta 1, finished"
    assert zscope(["list", "--claims"]) == 0
    assert "0.05" in capsys.readouterr().out


def test_version_and_help(capsys):
    assert zscope(["--version"]) == 0
    assert capsys.readouterr().out.startswith("zscope 0.")
    assert zscope([]) == 0
    for command in ("train", "encode", "measure", "sample", "compare", "study", "report", "list"):
        assert zscope([command, "--help"]) == 0


def bad_inputs(folder):
    """Wrong calls, the exit code, and words that the one line must hold."""
    (folder / "empty").mkdir(exist_ok=True)
    mixed = folder / "mixed"
    mixed.mkdir(exist_ok=True)
    Image.new("L", (8, 8)).save(mixed / "a.png")
    Image.new("L", (9, 8)).save(mixed / "b.png")
    broken = folder / "broken"
    broken.mkdir(exist_ok=True)
    (broken / "x.jpg").write_bytes(b"no image")
    np.save(folder / "nan.npy", np.full((4, 8, 8, 1), np.nan))
    np.save(folder / "wrong.npy", np.zeros((4, 8), np.uint8))
    (folder / "study.yaml").write_text("name: s\nsource: digits\nruns: {a: {preset: nope}}\n")
    (folder / "no-run").mkdir(exist_ok=True)
    return [
        (["train", "folder:nowhere"], 1, ["nowhere"]),
        (["train", "folder:empty"], 1, ["empty"]),
        (["train", "folder:broken"], 1, ["broken"]),
        (["train", "folder:mixed"], 1, ["a.png", "b.png", "--size"]),
        (["train", "array:nan.npy"], 1, ["nan.npy", "nan"]),
        (["train", "array:wrong.npy"], 1, ["wrong.npy", "(4, 8)"]),
        (["train", "array:gone.npy"], 1, ["gone.npy"]),
        (["train", "cifar:x"], 2, ["cifar:x", "digits"]),
        (["train", "digits", "--preset", "nope"], 2, ["preset", "nope", "celeba"]),
        (["train", "digits", "--z-dim", "0"], 2, ["z_dim", "0"]),
        (["train", "digits", "--z-dim", "many"], 2, ["z-dim", "many"]),
        (["train", "digits", "--model", "vae", "--beta", "-1"], 2, ["beta", "-1"]),
        (["train", "digits", "--model", "vae", "--fact", "nan"], 2, ["fact", "nan"]),
        (["train", "digits", "--fact", "1"], 2, ["fact", "AE"]),
        (["train", "digits", "--epochs", "0"], 2, ["epochs", "0"]),
        (["train", "digits", "--limit", "0"], 2, ["limit", "0"]),
        (["train", "digits", "--filters", "8,x"], 2, ["filters", "8,x"]),
        (["train", "digits", "--size", "0"], 2, ["size", "0"]),
        (["train", "digits", "--held-out", "1"], 2, ["held", "1"]),
        (["train", "digits", "--learning-rate", "-1"], 2, ["learning_rate", "-1"]),
        (["train", "digits", "--nonsense"], 2, ["--nonsense"]),
        (["train"], 2, ["source"]),
        (["train", "digits", *SMALL, "--out", "made"], 1, ["made", "exists"]),
        (["train", "digits", *SMALL, "--out", "no-run/x", "--start-from", "gone"], 1, ["gone"]),
        (["encode", "nowhere"], 1, ["nowhere"]),
        (["encode", "no-run"], 1, ["no-run", "run.json"]),
        (["encode", "made", "--batch", "0"], 2, ["batch", "0"]),
        (["measure", "made", "--draws", "-1"], 2, ["draws", "-1"]),
        (["sample", "made", "--sampler", "vortex"], 2, ["vortex", "normal"]),
        (["sample", "made", "-n", "0"], 2, ["n must", "0"]),
        (["report", "nowhere"], 1, ["nowhere"]),
        (["report", "made", "--label", "colour"], 2, ["label", "colour"]),
        (["study", "nowhere.yaml"], 1, ["nowhere.yaml"]),
        (["study", "study.yaml"], 2, ["runs.a.preset", "nope"]),
        (["data", "prepare", "mnist:empty"], 1, ["empty"]),
        (["explode"], 2, ["explode"]),
    ]


def test_bad_input_is_one_line_and_leaves_nothing(capsys, trained, home):
    wrong = bad_inputs(home)
    for arguments, code, words in wrong:
        before = sorted(str(path) for path in home.rglob("*"))
        assert zscope(arguments) == code, arguments
        out, err = lines(capsys)
        complaint = [line for line in err if line.startswith("zscope: ")]
        assert len(complaint) == 1, (arguments, err)
        assert err[-1] == complaint[0]
        for word in words:
            assert word in complaint[0], (arguments, complaint)
        assert out == []
        after = sorted(str(path) for path in home.rglob("*"))
        assert [path for path in after if path not in before and "/store" not in path] == [], arguments


def test_debug_shows_the_traceback(capsys):
    assert zscope(["encode", "nowhere", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_cleanly_and_resume_finishes(home):
    command = [sys.executable, "-m", "zscope.cli.main", "train", "digits", "--epochs", "400", "--limit", "300"]
    command += ["--out", "stopped"]
    process = subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (home / "stopped" / "checkpoints" / "best").exists():
        assert time.monotonic() < until, "no epoch ended"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert "Traceback" not in err
    assert "--resume" in err.splitlines()[-1]
    assert json.loads((home / "stopped" / "run.json").read_text())["state"] == "interrupted"
