import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from zscope.data import ImagePolicy, open_source, prepare
from zscope.data.mnist import read_idx, write_idx
from zscope.errors import SourceError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 7, 9), dtype=np.uint8)
DIGITS = RNG.integers(0, 10, 12, dtype=np.uint8)


def write_all(folder: Path, dash: str = "-", end: str = ".gz") -> None:
    write_idx(folder / f"train-images{dash}idx3-ubyte{end}", IMAGES[:8])
    write_idx(folder / f"train-labels{dash}idx1-ubyte{end}", DIGITS[:8])
    write_idx(folder / f"t10k-images{dash}idx3-ubyte{end}", IMAGES[8:])
    write_idx(folder / f"t10k-labels{dash}idx1-ubyte{end}", DIGITS[8:])


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8", ">i4"])
@pytest.mark.parametrize("shape", [(5,), (0,), (2, 3), (2, 3, 4), (1, 2, 3, 4)])
def test_idx_round_trip(tmp_path: Path, end: str, dtype: str, shape: tuple[int, ...]) -> None:
    array = (RNG.standard_normal(shape) * 50).astype(dtype)
    write_idx(tmp_path / f"a{end}", array)
    back = read_idx(tmp_path / f"a{end}")
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.flags.writeable


def test_idx_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.array([[1, 2, 258]], np.int16))
    assert (tmp_path / "a").read_bytes() == bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, 0, 2, 1, 2])


def test_write_idx_refuses_what_idx_cannot_hold(tmp_path: Path) -> None:
    for array in (np.zeros(3, np.int64), np.zeros(3, complex), np.float32(1.0)):
        with pytest.raises(ValueError, match="IDX"):
            write_idx(tmp_path / "a", np.asarray(array))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n", "got 89 50 4e 47"),
        (b"\0\0\x08\x00", "00 00 TYPE DIMENSIONS"),
        (b"\0\0\x08\x03\0\0", "header must have 16 bytes, got 6"),
        (b"\0\0\x08\x01\0\0\0\x05abcd", "must have 13 bytes for the shape .5,., got 12"),
        (b"\0\0\x08\x01\0\0\0\x03abcd", "must have 11 bytes"),
        (b"\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd", "got 20"),
    ],
)
def test_broken_idx(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(SourceError, match=says) as caught:
        read_idx(tmp_path / "a")
    assert str(tmp_path / "a") in str(caught.value)


@pytest.mark.parametrize("harm", ["cut", "no gzip", "flipped"])
def test_broken_gzip(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "a.gz"
    write_idx(path, IMAGES)
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:-20], "no gzip": b"hello", "flipped": flipped}[harm])
    with pytest.raises(SourceError, match=r"a\.gz cannot be read"):
        read_idx(path)


@pytest.mark.parametrize("dash", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_store_keeps_the_official_split(tmp_path: Path, dash: str, end: str) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    write_all(folder, dash, end)
    store = prepare(f"mnist:{folder}", tmp_path / "store")
    np.testing.assert_array_equal(store.images[..., 0], IMAGES)
    assert store.labels["digit"].to_pylist() == DIGITS.tolist()
    np.testing.assert_array_equal(store.indices("held-out"), np.arange(8, 12))
    assert store.ids[0] == "train-00000"
    assert store.ids[-1] == "test-00003"


def test_another_share_has_no_effect_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    write_all(folder)
    said: list[str] = []
    store = prepare(f"mnist:{folder}", tmp_path / "store", held_out=0.5, log=said.append)
    assert store.manifest["splits"] == {"train": 8, "held-out": 4}
    assert said == ["the source's official split is kept; held_out 0.5 has no effect"]


def test_missing_and_mismatching_files(tmp_path: Path) -> None:
    write_all(tmp_path)
    label_file = tmp_path / "t10k-labels-idx1-ubyte.gz"
    write_idx(label_file, DIGITS[:3])
    with pytest.raises(SourceError, match=r"must hold 4 integers.*got uint8 \(3,\)"):
        open_source(f"mnist:{tmp_path}").items()
    write_idx(label_file, DIGITS[8:].astype(np.float32))
    with pytest.raises(SourceError, match="must hold 4 integers"):
        open_source(f"mnist:{tmp_path}").items()
    write_idx(label_file, DIGITS[8:])
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", IMAGES[8:, :5])
    with pytest.raises(SourceError, match="of one size"):
        open_source(f"mnist:{tmp_path}").items()
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", DIGITS[8:])
    with pytest.raises(SourceError, match="must hold uint8 images"):
        open_source(f"mnist:{tmp_path}").items()
    label_file.unlink()
    with pytest.raises(SourceError, match=r"must hold t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz"):
        open_source(f"mnist:{tmp_path}")


@pytest.mark.data
def test_the_real_mnist(tmp_path: Path) -> None:
    root = os.environ.get("ZSCOPE_DATA")
    if root is None or not (Path(root) / "mnist").is_dir():
        pytest.skip("ZSCOPE_DATA does not name a folder with mnist/")
    store = prepare(f"mnist:{root}/mnist", tmp_path)
    assert store.images.shape == (70_000, 28, 28, 1)
    assert store.manifest["splits"] == {"train": 60_000, "held-out": 10_000}
    assert store.labels["digit"].to_pylist()[:5] == [5, 0, 4, 1, 9]
    # mean and standard deviation of the training pixels, as everybody normalises them
    train = np.asarray(store.images[:60_000], dtype=np.float64) / 255
    assert train.mean() == pytest.approx(0.1307, abs=5e-5)
    assert train.std() == pytest.approx(0.3081, abs=5e-5)
    assert store.path.name.startswith("mnist-")
    assert gzip.decompress((Path(root) / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:10] == bytes(
        store.labels["digit"].to_pylist()[60_000:60_002]
    )


def test_policy_applies(tmp_path: Path) -> None:
    write_all(tmp_path)
    source = open_source(f"mnist:{tmp_path}")
    source.items()
    np.testing.assert_array_equal(source.read(3, ImagePolicy(crop="box:1,0,8,7"))[:, :, 0], IMAGES[3][:, 1:8])
