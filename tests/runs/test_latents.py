"""Latents in shards: written as they stream, read in part, damaged, and given new columns."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zscope.errors import ExistsError, FormatError
from zscope.runs import latents as latents_module
from zscope.runs.formats import write_json
from zscope.runs.latents import Latents, write_latents

N, D, SHARD = 23, 3, 5


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(latents_module, "SHARD", SHARD)


def codes(n=N):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, D)).astype(np.float32), rng.standard_normal((n, D)).astype(np.float32)


def points(n=N):
    return pa.table(
        {"id": [str(row) for row in range(n)], "split": ["held-out" if row % 4 == 3 else "train" for row in range(n)]}
    )


def write(path, *, n=N, sizes=(1, 6, 13, 3), logvar=True, force=False):
    mean, variance = codes(n)
    ends = np.cumsum(sizes)
    batches = (
        (mean[end - size : end], variance[end - size : end] if logvar else None)
        for size, end in zip(sizes, ends, strict=True)
    )
    return write_latents(
        path, batches, points(n), d=D, logvar=logvar, about={"precision": "fp32", "model": "m"}, force=force
    )


@pytest.mark.parametrize(("n", "sizes"), [(N, (1, 6, 13, 3)), (10, (5, 5)), (10, (10,)), (4, (4,)), (11, (1,) * 11)])
def test_what_is_written_over_the_borders_of_shards_is_read(tmp_path, n, sizes):
    write(tmp_path / "latents", n=n, sizes=sizes)
    stored, (mean, logvar) = Latents.open(tmp_path / "latents"), codes(n)
    assert len(stored) == n
    assert len(list((tmp_path / "latents").glob("mean-*.npy"))) == stored.manifest["shards"] == -(-n // SHARD)
    assert np.array_equal(stored.mean(), mean)
    assert np.array_equal(stored.logvar(), logvar)
    assert stored.mean().dtype == np.float32


def test_rows_over_the_borders_of_shards(tmp_path):
    stored, (mean, logvar) = write(tmp_path / "latents"), codes()
    rows = np.array([0, 4, 5, 9, 14, 15, 22])
    assert np.array_equal(stored.mean(rows), mean[rows])
    assert np.array_equal(stored.logvar(rows), logvar[rows])
    assert stored.mean(rows[:0]).shape == (0, D)
    shuffled = np.array([22, 0, 9, 9, 5, 4])
    assert np.array_equal(stored.mean(shuffled), mean[shuffled])
    for outside in (-1, N):
        with pytest.raises(IndexError, match=f"rows must be from 0 to 22, got {outside} to {outside}"):
            stored.mean(np.array([outside]))


def test_splits(tmp_path):
    stored = write(tmp_path / "latents")
    assert stored.split("held-out").tolist() == [3, 7, 11, 15, 19]
    assert len(stored.split("train")) == N - 5


def test_an_ae_has_no_logvar(tmp_path):
    stored = write(tmp_path / "latents", logvar=False)
    assert stored.logvar() is None
    assert not list((tmp_path / "latents").glob("logvar-*"))


def test_manifest(tmp_path):
    write(tmp_path / "latents")
    manifest = json.loads((tmp_path / "latents" / "manifest.json").read_text())
    assert manifest == {
        "format": "zscope-latents",
        "version": 1,
        "n": N,
        "d": D,
        "shards": 5,
        "logvar": True,
        "precision": "fp32",
        "model": "m",
    }


@pytest.mark.parametrize("sizes", [(6, 6), (20,)])
def test_too_few_codes_leave_nothing(tmp_path, sizes):
    with pytest.raises(FormatError, match=rf"{sum(sizes)} codes came for {N} points"):
        write(tmp_path / "above" / "latents", sizes=sizes)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_leaves_what_was_there(tmp_path):
    write(tmp_path / "latents")

    def broken():
        yield codes()
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        write_latents(tmp_path / "latents", broken(), points(), d=D, logvar=True, about={}, force=True)
    assert np.array_equal(Latents.open(tmp_path / "latents").mean(), codes()[0])
    assert [path.name for path in tmp_path.iterdir()] == ["latents"]


def test_nothing_is_overwritten_without_force(tmp_path):
    write(tmp_path / "latents")
    with pytest.raises(ExistsError, match="give --force"):
        write(tmp_path / "latents")
    assert len(write(tmp_path / "latents", n=4, sizes=(4,), force=True)) == 4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.with_name("manifest.json").unlink(), "holds no latents: encode the run first"),
        (lambda path: write_json(path.with_name("manifest.json"), "zscope-latents", 1, {"n": N, "d": D}), "'shards'"),
        (lambda path: path.with_name("points.parquet").unlink(), "points.parquet"),
        (lambda path: path.with_name("points.parquet").write_bytes(b"PAR1"), "points.parquet"),
        (lambda path: pq.write_table(points(N - 1), path.with_name("points.parquet")), "22 rows, the manifest says 23"),
        (lambda path: path.unlink(), "mean-00002.npy"),
        (lambda path: path.write_bytes(path.read_bytes()[:-4]), "mean-00002.npy"),
        (lambda path: path.write_bytes(path.read_bytes()[:30]), "mean-00002.npy"),
        (lambda path: path.write_bytes(b""), "mean-00002.npy"),
        (lambda path: np.save(path, np.zeros((SHARD, D))), "float64 .* does not fit the manifest"),
        (lambda path: np.save(path, np.zeros((SHARD, D + 1), np.float32)), "does not fit the manifest"),
        (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "mean-00002.npy"),
    ],
)
def test_damage_is_named_in_one_line(tmp_path, damage, message):
    write(tmp_path / "latents")
    damage(tmp_path / "latents" / "mean-00002.npy")
    with pytest.raises(FormatError, match=message) as caught:
        Latents.open(tmp_path / "latents").mean()
    assert "\n" not in str(caught.value)


def test_columns_are_added_and_replaced(tmp_path):
    stored = write(tmp_path / "latents")
    rows = np.array([1, 5, 20])
    stored.add_columns({"radius": np.array([1.0, 2.0, 3.0])}, rows)
    again = Latents.open(tmp_path / "latents")
    expected = np.full(N, np.nan, np.float32)
    expected[rows] = [1, 2, 3]
    np.testing.assert_array_equal(again.points["radius"].to_numpy(), expected)
    again.add_columns({"radius": np.array([9.0]), "x": np.arange(1.0)}, np.array([5]))
    expected[5] = 9
    last = Latents.open(tmp_path / "latents")
    np.testing.assert_array_equal(last.points["radius"].to_numpy(), expected)
    assert last.points.column_names == ["id", "split", "radius", "x"]
    assert last.points["id"].to_pylist() == [str(row) for row in range(N)]
    assert [path.suffix for path in (tmp_path / "latents").iterdir() if path.name.startswith(".")] == []
