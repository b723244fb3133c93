import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from zscope.errors import FormatError, ParameterError, SourceError
from zscope.runs.store import ImageStore, StoreWriter, content_hash


def write_store(folder: Path, images: list[NDArray[np.uint8]], **labels: list[object]) -> ImageStore:
    folder.mkdir()
    count = len(images)
    split = ["held-out" if index % 5 == 0 else "train" for index in range(count)]
    with StoreWriter(folder) as writer:
        for index, image in enumerate(images):
            writer.append(f"image {index}", image)
        table = pa.table({"id": [f"i{index}" for index in range(count)], "split": split, **labels})
        writer.finish(table, {"source": "test"})
    return ImageStore.open(folder)


def random_images(count: int, shape: tuple[int, int, int] = (4, 5, 3), seed: int = 0) -> list[NDArray[np.uint8]]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8))


def test_round_trip(tmp_path: Path) -> None:
    images = random_images(23)
    store = write_store(tmp_path / "s", images, digit=list(range(23)), word=[None, *["a"] * 22])
    np.testing.assert_array_equal(store.images, np.stack(images))
    assert isinstance(store.images, np.memmap)
    assert not store.images.flags.writeable
    assert len(store) == 23
    assert store.shape == (4, 5, 3)
    assert store.name == "s"
    assert store.ids == [f"i{index}" for index in range(23)]
    assert store.label_columns == ["digit", "word"]
    assert store.labels["word"].to_pylist()[:2] == [None, "a"]
    np.testing.assert_array_equal(store.indices("held-out"), np.arange(0, 23, 5))
    np.testing.assert_array_equal(np.union1d(store.indices("train"), store.indices("held-out")), np.arange(23))
    assert store.manifest["splits"] == {"train": 18, "held-out": 5}
    assert store.unreadable == []
    with pytest.raises(ParameterError, match="train, held-out"):
        store.indices("test")


def test_images_file_is_what_numpy_writes(tmp_path: Path) -> None:
    images = random_images(11)
    write_store(tmp_path / "s", images)
    np.save(tmp_path / "n.npy", np.stack(images))
    assert (tmp_path / "s" / "images.npy").read_bytes() == (tmp_path / "n.npy").read_bytes()


def test_hash_is_of_content_alone(tmp_path: Path) -> None:
    images = random_images(6)
    store = write_store(tmp_path / "a", images, digit=[1, 2, 3, None, 5, 6])
    digest = hashlib.sha256(b"[6, 4, 5, 3]" + np.stack(images).tobytes())
    for name in ("id", "split", "digit"):
        digest.update(json.dumps([name, store.labels[name].to_pylist()]).encode())
    assert store.hash == digest.hexdigest()
    assert write_store(tmp_path / "b", images, digit=[1, 2, 3, None, 5, 6]).hash == store.hash
    assert write_store(tmp_path / "c", images, digit=[1, 2, 3, 4, 5, 6]).hash != store.hash
    other = [*images[:-1], images[-1] ^ np.uint8(1)]
    assert write_store(tmp_path / "d", other, digit=[1, 2, 3, None, 5, 6]).hash != store.hash
    # the same bytes in another shape are other images
    flat = np.stack(images).reshape(6, 5, 4, 3)
    assert content_hash(flat, store.labels) != store.hash


@pytest.mark.parametrize("first", ["grey", "colour"])
def test_grey_becomes_colour_where_they_mix(tmp_path: Path, first: str) -> None:
    grey, colour = random_images(3, (4, 5, 1)), random_images(3)
    images = [*grey, *colour] if first == "grey" else [*colour, *grey]
    store = write_store(tmp_path / "s", images)
    expected = [np.broadcast_to(image, (4, 5, 3)) for image in images]
    np.testing.assert_array_equal(store.images, np.stack(expected))
    assert sorted(path.name for path in store.path.iterdir()) == ["images.npy", "labels.parquet", "manifest.json"]


def test_mixed_sizes_name_both_images(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append("a.png", np.zeros((4, 5, 3), np.uint8))
        with pytest.raises(SourceError, match=r"a\.png is 4 × 5 but b\.png is 5 × 4 .*--size"):
            writer.append("b.png", np.zeros((5, 4, 3), np.uint8))


def test_selection_is_a_nested_random_sample(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", random_images(400, (1, 1, 1)))
    np.testing.assert_array_equal(store.selection(None), np.arange(400))
    np.testing.assert_array_equal(store.selection(1000), np.arange(400))
    previous: set[int] = set()
    for limit in (1, 10, 200, 399):
        chosen = store.selection(limit)
        assert chosen.dtype == np.int64
        assert len(chosen) == limit
        np.testing.assert_array_equal(chosen, np.sort(chosen))
        assert previous < set(chosen.tolist())
        previous = set(chosen.tolist())
    # the mean of 200 of 400 without replacement: sd = sqrt((N + 1)(N - n) / (12 n)) = 5.8; six of them
    assert abs(store.selection(200).mean() - 199.5) < 6 * np.sqrt(401 * 200 / (12 * 200))


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "3"])
def test_selection_refuses(tmp_path: Path, limit: object) -> None:
    store = write_store(tmp_path / "s", random_images(3))
    with pytest.raises(ParameterError, match="limit must be an integer of at least 1"):
        store.selection(limit)  # type: ignore[arg-type]


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def save_objects(path: Path) -> None:
    np.save(path, np.array([{}] * 7, dtype=object), allow_pickle=True)


def damage_nothing_there(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def damage_manifest(folder: Path, **change: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **change}))


DAMAGES = {
    "missing folder": (damage_nothing_there, "no such folder"),
    "cut images": (lambda folder: cut(folder / "images.npy", 1), r"images\.npy .*cut short"),
    "no images": (lambda folder: (folder / "images.npy").unlink(), r"images\.npy is missing"),
    "empty images": (lambda folder: (folder / "images.npy").write_bytes(b""), r"images\.npy"),
    "long images": (lambda folder: lengthen(folder / "images.npy"), "bytes, got"),
    "float images": (lambda folder: np.save(folder / "images.npy", np.zeros((7, 4, 5, 3))), "must be uint8"),
    "objects": (lambda folder: save_objects(folder / "images.npy"), r"images\.npy"),
    "other count": (lambda folder: damage_manifest(folder, count=8), "must have the shape"),
    "no hash": (lambda folder: damage_manifest(folder, shape=None), "count, shape and hash"),
    "other format": (lambda folder: damage_manifest(folder, format="zscope-run"), "must have the format"),
    "newer": (lambda folder: damage_manifest(folder, version=99), "newer zscope"),
    "cut labels": (lambda folder: cut(folder / "labels.parquet", 9), r"labels\.parquet .*cut short"),
    "fewer labels": (
        lambda folder: pq.write_table(pa.table({"id": ["a"], "split": ["train"]}), folder / "labels.parquet"),
        "7 rows",
    ),
    "unknown split": (
        lambda folder: pq.write_table(
            pa.table({"id": list("abcdefg"), "split": ["test"] * 7}), folder / "labels.parquet"
        ),
        r"only the splits train, held-out, got \['test'\]",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_open_refuses_what_is_not_whole(tmp_path: Path, damage: str) -> None:
    write_store(tmp_path / "s", random_images(7))
    harm, says = DAMAGES[damage]
    harm(tmp_path / "s")
    with pytest.raises(FormatError, match=says) as caught:
        ImageStore.open(tmp_path / "s")
    assert "\n" not in str(caught.value)
