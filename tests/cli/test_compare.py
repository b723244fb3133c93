"""``zscope compare`` on runs that were encoded: the table of alikeness, the verdicts, the report, the refusals."""

import json

import numpy as np
import pyarrow as pa
import pytest

from zscope.cli.main import run as zscope
from zscope.runs.latents import write_latents
from zscope.runs.run import Run

N = 100


def make_run(path, seed, *, kind="ae", data="d" * 64, encoded=True):
    """A finished run without a trained model: what compare reads of it."""
    run = Run.create(
        path,
        source="digits",
        config={
            "model": {"kind": kind, "shape": [8, 8, 1], "z_dim": 3, "beta": 0.0 if kind == "ae" else 1.0},
            "training": {"epochs": 1, "seed": seed},
        },
        data={"store": "store", "hash": data, "count": N, "shape": [8, 8, 1], "train": N, "held_out": 0},
        seed=seed,
        force=False,
    )
    run.save(state="finished", parameters=1000 + seed)
    if encoded:
        rng = np.random.default_rng(seed)
        images = np.random.default_rng(99).standard_normal((N, 3)) * ([3, 2, 1] if kind == "ae" else [1, 0.2, 9])
        mean = (images @ np.linalg.qr(rng.standard_normal((3, 3)))[0]).astype(np.float32)
        points = pa.table({"id": [f"{row:03d}" for row in range(N)], "split": ["train"] * N})
        about = {"precision": "fp32", "model": "m", "data": data}
        write_latents(run.latents, [(mean, None)], points, d=3, logvar=False, about=about, force=False)
    return run


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys):
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_two_runs(capsys, home):
    for seed, (name, kind) in enumerate((("plain", "ae"), ("working", "vae"))):
        make_run(home / name, seed, kind=kind)
    assert zscope(["compare", "plain", "working", "--quiet"]) == 0
    out, err = printed(capsys)
    assert err == []
    assert out[0].split() == ["plain", "working"]
    assert out[1].split() == ["parameters", "1,000", "1,001"]
    head = next(place for place, line in enumerate(out) if line.startswith("How alike the spaces are: 100 training"))
    assert out[head + 1].split()[:5] == ["R²", "forth", "R²", "back", "CKA"]
    assert out[head + 2].startswith("plain – working")
    assert float(out[head + 2].split()[3]) == pytest.approx(1, abs=1e-3)
    words = " ".join(" ".join(out[head + 3 :]).split())
    assert "undecided" in words
    assert "R² 1.000 from plain to" in words
    assert "one run of each says nothing" in words
    assert out[-1].startswith("Train the same models with other seeds")


def test_several_seeds_and_a_report(capsys, home):
    names = [f"{kind}-s{seed}" for kind in ("ae", "vae") for seed in range(3)]
    for name in names:
        kind, seed = name.split("-s")
        make_run(home / name, int(seed), kind=kind)
    assert zscope(["compare", *names, "--out", "page", "--quiet"]) == 0
    out, _ = printed(capsys)
    assert any(line.startswith("seeds of ae (3 pairs)") for line in out)
    assert any(line.startswith("ae – vae (6 pairs)") for line in out)
    assert any(line.split()[:6] == ["ae", "–", "vae", "does", "not", "hold"] for line in out)
    page = (home / "page" / "report.html").read_text(encoding="utf-8")
    assert "How alike the codes of the same 100 training images are." in page
    assert "seeds of vae (3 pairs)" in page
    assert "same space: does not hold" in page


def test_seeds_of_one_model(capsys, home):
    for seed in range(2):
        make_run(home / f"ae-s{seed}", seed)
    assert zscope(["compare", "ae-s0", "ae-s1", "--quiet"]) == 0
    out, _ = printed(capsys)
    assert any(line.startswith("seeds of ae ") for line in out)
    assert out[-1] == "All runs are one model: what they differ by is what seeds differ by."


def test_json(capsys, home):
    make_run(home / "a", 0)
    make_run(home / "b", 1, kind="vae")
    assert zscope(["compare", "a", "b", "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["alike"]["pairs"][0]["overlap"] <= 1
    assert found["alike"]["verdicts"][0]["holds"] is None
    assert found["findings"][-1]["claim"] == "same_space"


def test_other_images_are_refused_in_one_line(capsys, home):
    make_run(home / "a", 0)
    make_run(home / "b", 1, data="e" * 64)
    assert zscope(["compare", "a", "b", "--out", "page", "--quiet"]) == 0
    out, _ = printed(capsys)
    (line,) = [line for line in out if line.startswith("How alike")]
    assert "is left out: a and b are of different images" in line
    assert out[0].split() == ["a", "b"]
    assert "are of different images" in (home / "page" / "report.html").read_text(encoding="utf-8")


def test_runs_that_are_not_encoded_keep_their_table(capsys, home):
    make_run(home / "a", 0)
    make_run(home / "b", 1, encoded=False)
    assert zscope(["compare", "a", "b", "--quiet"]) == 0
    out, _ = printed(capsys)
    assert out[1].split()[0] == "parameters"
    assert out[-1] == "How alike the spaces are is left out: b has not been encoded (zscope encode b)."
    assert not (home / "b" / "latents").exists()
