from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zscope.data import ImagePolicy, open_source, prepare
from zscope.data.celeba import read_attributes, read_partition
from zscope.errors import SourceError

NAMES = [f"{index:06d}.jpg" for index in range(1, 7)]
FLAGS = np.random.default_rng(1).integers(0, 2, (6, 3)).astype(bool)
PARTS = [0, 0, 0, 1, 2, 2]


def write_all(folder: Path, official: bool = False, size: tuple[int, int] = (218, 178)) -> str:
    images, lists, parts = (folder / name if official else folder for name in ("Img", "Anno", "Eval"))
    for place in (images / "img_align_celeba", lists, parts):
        place.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(NAMES):
        pixels = np.full((*size, 3), 40 * index, np.uint8)
        Image.fromarray(pixels).save(images / "img_align_celeba" / name, quality=95)
    # the official file pads with two spaces before a 1 and ends its header with one
    rows = [
        f"{name} " + " ".join(" 1" if flag else "-1" for flag in row) for name, row in zip(NAMES, FLAGS, strict=True)
    ]
    (lists / "list_attr_celeba.txt").write_text("6\nBald Male Smiling \n" + "\n".join(rows) + "\n")
    (parts / "list_eval_partition.txt").write_text(
        "".join(f"{name} {part}\n" for name, part in zip(NAMES, PARTS, strict=True))
    )
    return f"celeba:{folder}"


@pytest.mark.parametrize("official", [False, True])
def test_store(tmp_path: Path, official: bool) -> None:
    said: list[str] = []
    store = prepare(write_all(tmp_path / "c", official), tmp_path / "store", log=said.append)
    assert store.shape == (96, 96, 3)
    assert store.manifest["policy"] == {"size": [96, 96], "crop": "centre", "grey": False}
    assert store.manifest["preset"] == "celeba"
    np.testing.assert_allclose(store.images.mean(axis=(1, 2, 3)), 40 * np.arange(6), atol=1)
    assert store.ids == NAMES
    assert store.label_columns == ["partition", "Bald", "Male", "Smiling"]
    assert store.labels["partition"].to_pylist() == ["train"] * 3 + ["val", "test", "test"]
    assert store.split.tolist() == ["train"] * 3 + ["held-out"] * 3
    for column, name in enumerate(("Bald", "Male", "Smiling")):
        assert store.labels[name].to_pylist() == FLAGS[:, column].tolist()
    assert said == []


def test_centre_crop_takes_the_middle(tmp_path: Path) -> None:
    spec = write_all(tmp_path)
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[20:198] = 200  # the centred square of the official 218 × 178
    Image.fromarray(pixels).save(tmp_path / "img_align_celeba" / NAMES[0], quality=100)
    source = open_source(spec)
    source.items()
    assert source.read(0, source.complete(ImagePolicy())).min() > 150
    assert source.complete(ImagePolicy(64)) == ImagePolicy(64)


def test_images_without_attributes_are_null_and_told(tmp_path: Path) -> None:
    spec = write_all(tmp_path)
    lines = (tmp_path / "list_attr_celeba.txt").read_text().splitlines()
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(lines[:-1]))
    source = open_source(spec)
    items = source.items()
    assert items["Male"].to_pylist() == [*FLAGS[:-1, 1].tolist(), None]
    assert source.notes == ["list_attr_celeba.txt has no row for 1 of 6 images"]


def test_a_part_of_the_images_is_enough(tmp_path: Path) -> None:
    spec = write_all(tmp_path / "c")
    for name in NAMES[2:]:
        (tmp_path / "c" / "img_align_celeba" / name).unlink()
    said: list[str] = []
    store = prepare(spec, tmp_path / "store", log=said.append)
    assert store.manifest["splits"] == {"train": 2, "held-out": 0}
    assert said == ["the official split holds none of these images out"]


def test_missing_partition_row(tmp_path: Path) -> None:
    spec = write_all(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(SourceError, match=r"row for every image, got none for 000002\.jpg"):
        open_source(spec).items()


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "list_eval_partition.txt"])
def test_missing_lists(tmp_path: Path, name: str) -> None:
    spec = write_all(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SourceError, match=f"must hold {name}, itself or in Anno, Eval, Img"):
        open_source(spec)


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg 3", "a.jpg 0 0", "", "b.jpg 1"])
def test_broken_partition(tmp_path: Path, line: str) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"b.jpg 0\n{line}\nc.jpg 1\n")
    with pytest.raises(SourceError, match=r"p\.txt line 2 must be a new file name and 0, 1 or 2"):
        read_partition(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must begin with"),
        ("2\n", "must begin with"),
        ("Bald Male\na.jpg 1 1\n", "must begin with"),
        ("1\nBald Bald\na.jpg 1 1\n", "must begin with"),
        ("1\nBald Male\na.jpg 1\n", "line 3 must be a new file name and 2 times -1 or 1"),
        ("1\nBald Male\na.jpg 1 0\n", "line 3"),
        ("2\nBald Male\na.jpg 1 1\na.jpg 1 1\n", "line 4"),
        ("2\nBald Male\na.jpg 1 1\n\nb.jpg 1 1\n", "line 4"),
    ],
)
def test_broken_attributes(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(SourceError, match=says):
        read_attributes(tmp_path / "a.txt")
