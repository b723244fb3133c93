from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zscope.data import open_source, prepare
from zscope.errors import SourceError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (10, 6, 7, 3), dtype=np.uint8)


def save(folder: Path, array: NDArray[np.generic], name: str = "x.npy") -> str:
    np.save(folder / name, array)
    return f"array:{folder / name}"


@pytest.mark.parametrize("shape", [np.s_[...], np.s_[..., :1], np.s_[..., 0]])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_stored_as_they_are(tmp_path: Path, shape: object, dtype: str, order: str) -> None:
    pixels = COLOUR[shape]  # type: ignore[index]
    array = pixels if dtype is np.uint8 else (pixels / 255).astype(dtype)
    said: list[str] = []
    store = prepare(save(tmp_path, np.asarray(array, order=order)), tmp_path / "store", log=said.append)  # type: ignore[call-overload]
    np.testing.assert_array_equal(store.images, pixels if pixels.ndim == 4 else pixels[..., np.newaxis])
    assert len(said) == (0 if dtype is np.uint8 else 1)
    assert all("8 bits" in line for line in said)


def test_floats_are_rounded(tmp_path: Path) -> None:
    values = RNG.random((10, 6, 7))
    store = prepare(save(tmp_path, values), tmp_path / "store")
    np.testing.assert_array_equal(store.images[..., 0], np.round(values * 255))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (COLOUR.astype(np.int64), "must be uint8, or float in 0 … 1, got int64"),
        (COLOUR > 3, "got bool"),
        (COLOUR.astype(complex), "got complex128"),
        (np.moveaxis(COLOUR, -1, 1), r"got \(10, 3, 6, 7\): transpose it with np\.moveaxis\(images, 1, -1\)"),
        (COLOUR[:, None, :, :, 0], r"got \(10, 1, 6, 7\): transpose"),
        (COLOUR[0], r"got \(6, 7, 3\), which looks like a single image"),
        (COLOUR[0, :, :, 0], r"got \(6, 7\)"),
        (COLOUR[..., :2], r"C of 1 or 3 and no length 0, got \(10, 6, 7, 2\)"),
        (COLOUR[:0], "no length 0"),
        (np.uint8(3), r"got \(\)"),
    ],
)
def test_what_is_no_image_array(tmp_path: Path, array: NDArray[np.generic], says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        prepare(save(tmp_path, array), tmp_path / "store")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.001, 1.001, 255.0])
@pytest.mark.parametrize("at", [(0, 0, 0), (7, 2, 5), (9, 5, 6)])
def test_floats_out_of_range_name_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float, at: tuple[int, int, int]
) -> None:
    monkeypatch.setattr("zscope.data.array._CHECKED_AT_ONCE", 3 * 42)  # so that several pieces are checked
    values = RNG.random((10, 6, 7))
    values[at] = bad
    values[9, 5, 6] = bad
    with pytest.raises(
        SourceError, match=f"must be in 0 … 1 throughout, got {bad!r} at \\[{at[0]}, {at[1]}, {at[2]}\\]"
    ):
        prepare(save(tmp_path, values), tmp_path / "store")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_files_that_are_no_arrays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    objects = np.array([{}, {}], dtype=object)
    np.save(path, objects, allow_pickle=True) if name == "x.npy" else np.savez(path, objects, allow_pickle=True)
    with pytest.raises(SourceError, match="cannot be read as an array"):
        open_source(f"array:{path}").items()
    np.save(path, COLOUR) if name == "x.npy" else np.savez(path, COLOUR)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(SourceError, match="cannot be read as an array"):
        open_source(f"array:{path}").items()
    path.write_bytes(b"hello")
    with pytest.raises(SourceError, match="cannot be read as an array"):
        open_source(f"array:{path}").items()


def test_other_suffix(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1")
    with pytest.raises(SourceError, match=r"must name a \.npy or \.npz file, got something else"):
        open_source(f"array:{tmp_path / 'x.csv'}")


def test_archives(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, COLOUR)
    np.testing.assert_array_equal(prepare(f"array:{path}", tmp_path / "store").images, COLOUR)
    np.savez_compressed(path, images=COLOUR, labels=np.arange(10, dtype=np.uint8), more=np.zeros(3))
    store = prepare(f"array:{path}", tmp_path / "store")
    np.testing.assert_array_equal(store.images, COLOUR)
    assert store.labels["label"].to_pylist() == list(range(10))
    np.savez(path, images=COLOUR, labels=np.arange(9))
    with pytest.raises(SourceError, match=r"labels of .* must hold 10 numbers or texts.*\(9,\)"):
        open_source(f"array:{path}").items()
    np.savez(path, a=COLOUR, b=COLOUR)
    with pytest.raises(SourceError, match="one array, or arrays named images and labels, got a, b"):
        open_source(f"array:{path}").items()


def test_labels_beside(tmp_path: Path) -> None:
    spec = save(tmp_path, COLOUR)
    (tmp_path / "labels.csv").write_text(
        "kind,weight\n" + "\n".join(f"k{index % 2},{index / 2}" for index in range(10))
    )
    items = open_source(spec).items()
    assert items["kind"].to_pylist() == ["k0", "k1"] * 5
    assert items["weight"].to_pylist() == [index / 2 for index in range(10)]
    np.save(tmp_path / "x_labels.npy", np.array(list("abcdefghij")))  # its own labels come first
    items = open_source(spec).items()
    assert items.column_names[2:] == ["label"]
    assert items["label"].to_pylist() == list("abcdefghij")
    np.save(tmp_path / "x_labels.npy", np.zeros((10, 2)))
    with pytest.raises(SourceError, match=r"x_labels\.npy must hold 10"):
        open_source(spec).items()


def test_labels_of_another_length(tmp_path: Path) -> None:
    spec = save(tmp_path, COLOUR)
    (tmp_path / "labels.csv").write_text("kind\na\nb\n")
    with pytest.raises(SourceError, match=r"labels\.csv must have 10 rows, one for each image, got 2"):
        open_source(spec).items()
