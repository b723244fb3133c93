"""Two small runs on the same digits, and codes without a model, made once for all tests in this folder."""

import os
from pathlib import Path

import numpy as np
import pytest

from zscope.cli.main import run as zscope
from zscope.runs.latents import Latents
from zscope.runs.measured import write_measures, write_null_points
from zscope.runs.run import Run
from zscope.study.explore import Explored, Plane

TRAIN = ["--epochs", "4", "--limit", "400", "--z-dim", "5", "--device", "cpu", "--quiet"]
VERDICT = {"claim": "voids", "holds": None, "strength": "undecided", "says": "Too few codes.", "advice": None}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Folder with the runs ``vae`` and ``ae``; the VAE's codes have maps as measures would have left them."""
    folder = tmp_path_factory.mktemp("explored")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for kind, more in (("vae", ["--beta", "0.05"]), ("ae", [])):
            assert zscope(["train", "digits", *TRAIN, "--model", kind, *more, "--out", kind]) == 0
            assert zscope(["encode", kind, "--device", "cpu", "--quiet"]) == 0
    finally:
        os.chdir(before)
    for kind in ("vae", "ae"):
        run = Run.open(folder / kind)
        run.save(data={**run.data, "store": str(folder / run.data["store"])})
    _measured(Run.open(folder / "vae"))
    return folder


def _measured(run):
    latents = Latents.open(run.latents)
    rng = np.random.default_rng(7)
    for split in ("train", "held-out"):
        rows = latents.split(split)
        maps = {f"tsne.standard.{way}": rng.normal(size=len(rows)).astype(np.float32) for way in "xy"}
        latents.add_columns({"kl": rng.gamma(4, size=len(rows)).astype(np.float32), "pc1": np.zeros(len(rows))}, rows)
        latents.add_columns(maps, rows)
        write_null_points(run.latents / f"null-covariance-{split}.parquet", maps if split == "train" else {})
    measure = {"name": "voids", "values": {}, "tests": [], "verdict": VERDICT}
    write_measures(
        run.path / "measures.json", {"cloud": {"n": 1, "d": 5}, "measures": [measure, {"name": "kl", "skipped": "no"}]}
    )


@pytest.fixture(scope="session")
def vae(home):
    return Explored.of_run(Run.open(home / "vae"))


@pytest.fixture(scope="session")
def codes_file(tmp_path_factory):
    """600 codes in 4 dimensions, axes correlated, with a label file beside them."""
    folder = tmp_path_factory.mktemp("codes")
    rng = np.random.default_rng(3)
    mix = np.array([[2.0, 0.5, 0, 0], [0, 1, 0.3, 0], [0, 0, 0.7, 0.2], [0, 0, 0, 0.4]])
    codes = (rng.normal(size=(600, 4)) @ mix + [1, -2, 0, 3]).astype(np.float32)
    np.save(folder / "made.npy", codes)
    rows = [f"{'ab'[row % 2]},{'true' if row % 3 else 'false'},{'' if row < 10 else row % 4}" for row in range(600)]
    (folder / "labels.csv").write_text("letter,odd,quarter\n" + "\n".join(rows) + "\n")
    return folder / "made.npy"


@pytest.fixture(scope="session")
def cloud(codes_file):
    return Explored.of_codes(codes_file, codes_file.with_name("labels.csv"))


@pytest.fixture
def plane():
    return Plane("pc1", "pc2")
