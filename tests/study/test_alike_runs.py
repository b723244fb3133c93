"""Runs held against each other: matched by image, grouped by seed, and what is said where they cannot be."""

import json

import numpy as np
import pyarrow as pa
import pytest

from zscope.errors import FormatError
from zscope.measures.alike import alikeness
from zscope.measures.space import Space
from zscope.runs.latents import write_latents
from zscope.runs.run import Run
from zscope.study.alike import NotCompared, alike_findings
from zscope.study.alike_runs import alike_runs, group_by_seed

N = 120


def images(n=N, seed=0):
    """What the models see: the same for all."""
    return np.random.default_rng(seed).standard_normal((n, 6))


def codes(seed, *, kind="ae", n=N):
    """Linear codes with noise of their own; another kind of model sees other parts of the images."""
    rng = np.random.default_rng([seed, kind == "ae"])
    seen = images(n) * ([3, 2, 1, 1, 0.1, 0.1] if kind == "ae" else [0.1, 0.1, 1, 1, 2, 3])
    return 5 + seen @ np.linalg.qr(rng.standard_normal((6, 6)))[0] + 0.02 * rng.standard_normal((n, 6))


def make_run(path, seed=0, *, kind="ae", data="d" * 64, ids=None, table=None, held_out=0, encoded=True):
    model = {"kind": kind, "shape": [8, 8, 1], "z_dim": 6, "beta": 0.0 if kind == "ae" else 1.0}
    run = Run.create(
        path,
        source="digits",
        config={"model": model, "training": {"epochs": 1, "seed": seed}},
        data={"store": "store", "hash": data, "count": N, "train": N, "held_out": held_out},
        seed=seed,
        force=False,
    )
    if encoded:
        table = codes(seed, kind=kind) if table is None else table
        ids = np.array([f"image-{row:03d}" for row in range(len(table))]) if ids is None else ids
        splits = ["train"] * (len(table) - held_out) + ["held-out"] * held_out
        points = pa.table({"id": list(ids), "split": splits})
        about = {"precision": "fp32", "model": "m", "data": data}
        mean = table.astype(np.float32)
        write_latents(run.latents, [(mean, None)], points, d=mean.shape[1], logvar=False, about=about, force=False)
    return run


class TestPairs:
    def test_rows_are_matched_by_id(self, tmp_path):
        """The second run stores its images in another order, and two more that the first has not."""
        order = np.random.default_rng(1).permutation(N + 2)
        table = np.concatenate([codes(1), np.full((2, 6), 9.0)])[order]
        ids = np.array([f"image-{row:03d}" for row in range(N + 2)])[order]
        one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b", 1, ids=ids, table=table)
        found = alike_runs([one, other])
        assert (found.n, found.of, found.k, found.queries) == (N, N, 10, N)
        chosen = np.random.default_rng(0).permutation(np.arange(N))
        expected = alikeness(Space.of(codes(0)[chosen]), Space.of(codes(1)[chosen]))
        assert found.pairs[0].alike == expected
        assert expected.r2 > 0.99
        assert found.by_chance == 10 / (N - 1)

    def test_only_one_split_is_compared(self, tmp_path):
        runs = [make_run(tmp_path / name, seed, held_out=55) for seed, name in enumerate("ab")]
        assert alike_runs(runs).n == N - 55
        assert alike_runs(runs, split="held-out").n == 55

    def test_at_most_so_many_images(self, tmp_path):
        runs = [make_run(tmp_path / name, seed) for seed, name in enumerate("ab")]
        found = alike_runs(runs, max_images=60, max_queries=20)
        assert (found.n, found.of, found.queries) == (60, N, 20)

    def test_directions_and_tables(self, tmp_path):
        """A model of two axes is told by one of six, not the other way round."""
        rich, poor = make_run(tmp_path / "rich"), make_run(tmp_path / "poor", kind="vae", table=images()[:, :2])
        found = alike_runs([poor, rich])
        square = found.directed()
        assert square[1, 0] == found.pairs[0].alike.r2_back > 0.99
        assert square[0, 1] == found.pairs[0].alike.r2_forth < 0.95
        assert np.isnan(square[0, 0])
        assert [row.title for row in found.rows()] == ["poor – rich"]
        assert found.rows()[0].values[:2] == (square[0, 1], square[1, 0])

    def test_progress(self, tmp_path):
        told = []
        runs = [make_run(tmp_path / name, seed) for seed, name in enumerate("abc")]
        alike_runs(runs, progress=lambda what, done, total, **figures: told.append((what, done, total)))
        assert told == [("pairs of runs", done, 3) for done in (1, 2, 3)]


class TestModels:
    def test_runs_that_differ_in_the_seed_are_one(self, tmp_path):
        runs = [make_run(tmp_path / f"ae-s{seed}", seed) for seed in range(3)]
        runs.insert(1, make_run(tmp_path / "working", 7, kind="vae"))
        models, repeated = group_by_seed(runs)
        assert [(model.name, model.rows, model.seeds) for model in models] == [
            ("ae", (0, 2, 3), (0, 1, 2)),
            ("working", (1,), (7,)),
        ]
        assert repeated == ()

    @pytest.mark.parametrize(
        ("names", "called"),
        [
            (["digits-ae-z16-s0", "digits-ae-z16-s10"], "digits-ae-z16"),
            (["digits", "digits-2"], "digits and its other seeds"),
            (["run_seed1", "run_seed2"], "run"),
            (["left", "right"], "left and its other seeds"),
            (["z16-1", "z16-2"], "z16"),
        ],
    )
    def test_names(self, tmp_path, names, called):
        runs = [make_run(tmp_path / name, seed) for seed, name in enumerate(names)]
        assert group_by_seed(runs)[0][0].name == called

    def test_names_of_models_differ(self, tmp_path):
        runs = [
            make_run(tmp_path / f"s{seed}{kind}", seed, kind=kind, encoded=False)
            for kind in ("ae", "vae")
            for seed in (0, 1)
        ]
        assert len({model.name for model in group_by_seed(runs)[0]}) == 2

    def test_a_repeated_seed_decides_nothing(self, tmp_path):
        runs = [make_run(tmp_path / name, seed) for name, seed in (("a", 0), ("copy", 0), ("b", 1))]
        found = alike_runs(runs)
        assert found.models[0].rows == (0, 2)
        assert found.notes == ("copy repeats a, seed and all, and decides nothing",)
        assert len(found.pairs) == 3
        assert found.between == ()

    def test_verdicts(self, tmp_path):
        """Four seeds of either: seeds agree, models do not."""
        runs = [make_run(tmp_path / f"{kind}-s{seed}", seed, kind=kind) for kind in ("ae", "vae") for seed in range(4)]
        found = alike_runs(runs)
        (pair,) = found.between
        assert pair.verdict.holds is False
        assert pair.verdict.says.startswith("ae and vae: R²")
        rows = {row.title: row for row in found.rows()}
        assert [(title, row.pairs) for title, row in rows.items()] == [
            ("seeds of ae", 6),
            ("seeds of vae", 6),
            ("ae – vae", 12),
        ]
        assert rows["seeds of ae"].values[0] == pytest.approx(pair.differences[0].within, abs=1e-3)
        assert rows["ae – vae"].values[3] == pytest.approx(pair.differences[2].between)
        halves = alike_runs([*runs[:4], *(make_run(tmp_path / f"more-s{seed}", seed) for seed in range(4, 8))])
        assert halves.between == ()
        assert [model.seeds for model in halves.models] == [tuple(range(8))]

    def test_findings(self, tmp_path):
        kinds = ["ae", "vae"]
        two = alike_runs([make_run(tmp_path / kind, kind=kind) for kind in kinds])
        (finding,) = alike_findings(two)
        assert (finding.claim, finding.holds, finding.figure) == ("same_space", None, "alike")
        assert "one run of each says nothing about how seeds differ" in finding.says

    def test_as_json(self, tmp_path):
        runs = [make_run(tmp_path / name, kind=kind) for name, kind in (("a", "ae"), ("b", "vae"))]
        found = json.loads(json.dumps(alike_runs(runs).as_json(), allow_nan=False))
        assert [run["name"] for run in found["runs"]] == ["a", "b"]
        assert {"one", "other", "r2_forth", "cka_debiased", "peak_shift"} <= set(found["pairs"][0])
        assert found["verdicts"][0]["claim"] == "same_space"
        assert len(found["verdicts"][0]["differences"]) == 5


class TestRefusals:
    def test_other_images(self, tmp_path):
        runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", data="e" * 64)]
        found = alike_runs(runs)
        assert isinstance(found, NotCompared)
        assert found.reason.startswith("a and b are of different images (data dddddddddddd and eeeeeeeeeeee)")
        assert found.as_json() == {"left_out": found.reason}

    def test_not_encoded(self, tmp_path):
        runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", encoded=False), make_run(tmp_path / "c", 1)]
        assert alike_runs(runs).names == ("a", "c")
        assert alike_runs(runs).notes == (f"b has not been encoded (zscope encode {tmp_path / 'b'})",)
        assert alike_runs(runs[:2]).reason == f"b has not been encoded (zscope encode {tmp_path / 'b'})"

    def test_too_few_images_in_common(self, tmp_path):
        ids = np.array([f"image-{row:03d}" for row in range(80, 80 + N)])
        found = alike_runs([make_run(tmp_path / "a"), make_run(tmp_path / "b", 1, ids=ids)])
        assert found.reason == "the runs have 40 train images in common, it takes 50"

    def test_ids_that_occur_twice(self, tmp_path):
        runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", 1, ids=np.array(["same"] * N))]
        with pytest.raises(FormatError, match=r"b/latents/points.parquet: an id occurs twice"):
            alike_runs(runs)
