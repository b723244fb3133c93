"""One contract for every source in the list."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from zscope.data import SOURCES, ImagePolicy, Source, open_source, prepare
from zscope.data.mnist import write_idx
from zscope.errors import ParameterError, SourceError
from zscope.runs.store import RESERVED_COLUMNS, SPLITS


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


RNG = np.random.default_rng(0)


def make_digits(folder: Path) -> str:
    return "digits"


def make_mnist(folder: Path) -> str:
    for prefix, count in (("train", 12), ("t10k", 5)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", RNG.integers(0, 256, (count, 9, 9), dtype=np.uint8))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", RNG.integers(0, 10, count, dtype=np.uint8))
    return f"mnist:{folder}"


def make_celeba(folder: Path) -> str:
    (folder / "img_align_celeba").mkdir()
    names = [f"{index:06d}.jpg" for index in range(1, 11)]
    for name in names:
        pixels = RNG.integers(0, 256, (22, 18, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "img_align_celeba" / name)
    attributes = "\n".join(f"{name} {'1' if index % 2 else '-1'}  1" for index, name in enumerate(names))
    (folder / "list_attr_celeba.txt").write_text(f"10\nMale Smiling \n{attributes}\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(f"{name} {i % 3}" for i, name in enumerate(names)))
    return f"celeba:{folder}"


def make_folder(folder: Path) -> str:
    for index in range(10):
        Image.fromarray(RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    return f"folder:{folder}"


def make_array(folder: Path) -> str:
    np.save(folder / "x.npy", RNG.integers(0, 256, (10, 12, 10), dtype=np.uint8))
    return f"array:{folder / 'x.npy'}"


MAKERS: dict[str, Callable[[Path], str]] = {
    "digits": make_digits,
    "mnist": make_mnist,
    "celeba": make_celeba,
    "folder": make_folder,
    "array": make_array,
}


@pytest.fixture(params=SOURCES, ids=lambda source: source.scheme)
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    folder = tmp_path / "source"
    folder.mkdir()
    return MAKERS[request.param.scheme](folder)


def test_every_source_is_made_here() -> None:
    assert [source.scheme for source in SOURCES] == list(MAKERS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.scheme)
def test_description(source: type[Source]) -> None:
    assert source.example.split(":")[0] == source.scheme
    assert 20 < len(source.what) <= 110
    assert "\n" not in source.what
    assert source.default_preset in (None, "digits", "mnist", "celeba")


def test_items(spec: str) -> None:
    items = open_source(spec).items()
    assert tuple(items.column_names[:2]) == RESERVED_COLUMNS
    assert items["id"].type == pa.string()
    ids = items["id"].to_pylist()
    assert len(set(ids)) == len(ids) >= 10
    assert None not in ids
    splits = set(items["split"].to_pylist())
    assert splits == {None} or splits == set(SPLITS)
    allowed = (pa.bool_(), pa.int64(), pa.float64(), pa.string())
    assert all(items[name].type in allowed for name in items.column_names)


def test_images_come_as_asked(spec: str) -> None:
    source = open_source(spec)
    count = source.items().num_rows
    for policy, end in ((ImagePolicy((6, 5)), (6, 5)), (ImagePolicy((6, 5), "none", True), (6, 5, 1))):
        image = source.read(count - 1, policy)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] in (1, 3)
        assert image.shape[: len(end)] == end


def test_fingerprint_sees_a_change(spec: str) -> None:
    before = open_source(spec).fingerprint()
    assert open_source(spec).fingerprint() == before
    source = open_source(spec)
    if source.path is None:
        return
    files = [source.path] if source.path.is_file() else sorted(p for p in source.path.rglob("*") if p.is_file())
    for file in files:
        os.utime(file, (1, 1))
        after = open_source(spec).fingerprint()
        assert after != before
        before = after


def test_store_holds_what_the_source_reads(spec: str, tmp_path: Path) -> None:
    said: list[str] = []
    store = prepare(spec, tmp_path / "store", log=said.append)
    source = open_source(spec)
    policy = source.complete(ImagePolicy())
    assert store.ids == source.items()["id"].to_pylist()
    np.testing.assert_array_equal(store.images, [source.read(index, policy) for index in range(len(store))])
    assert store.manifest["source"] == spec
    assert store.manifest["scheme"] == source.scheme
    assert set(store.split) == set(SPLITS)
    for name in store.label_columns:
        assert store.labels[name].to_pylist() == source.items()[name].to_pylist()
    written = (store.path / "manifest.json").stat().st_mtime_ns
    again = prepare(spec, tmp_path / "store", log=said.append)
    assert (again.path, again.hash) == (store.path, store.hash)
    assert (again.path / "manifest.json").stat().st_mtime_ns == written
    assert said[-1] == f"{store.path} is up to date"
    forced = prepare(spec, tmp_path / "store", force=True)
    assert forced.hash == store.hash
    assert (forced.path / "manifest.json").stat().st_mtime_ns != written


@pytest.mark.parametrize("source", [s for s in SOURCES if ":" in s.example], ids=lambda source: source.scheme)
def test_what_is_not_there_is_one_line(source: type[Source], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=f"source must be written {source.example}, got {source.scheme}"):
        open_source(source.scheme)
    with pytest.raises(SourceError, match="nothing there") as caught:
        open_source(f"{source.scheme}:{tmp_path / 'none'}")
    assert "\n" not in str(caught.value)
    with pytest.raises(SourceError):
        prepare(f"{source.scheme}:{tmp_path}", tmp_path / "store")
    assert listed(tmp_path) == []


@pytest.mark.parametrize("spec", ["", "cifar:x", "Digits", "./photos", "digits:8"])
def test_unknown_sources_name_the_known(spec: str) -> None:
    with pytest.raises(ParameterError, match=r"^source must be"):
        open_source(spec)


def test_unknown_source_lists_all() -> None:
    with pytest.raises(ParameterError, match="digits, mnist:DIR, celeba:DIR, folder:DIR, array:FILE, got cifar:x"):
        open_source("cifar:x")
