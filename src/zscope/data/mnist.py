"""MNIST and whatever is stored like it: IDX files, plain or compressed by gzip."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.data.base import ArraySource, existing_folder, items_table
from zscope.data.files import fingerprint_files
from zscope.errors import SourceError

_DTYPES: Final = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PARTS: Final = {"train": "train", "test": "t10k"}


class Mnist(ArraySource):
    """A folder with the four IDX files of MNIST; its test images are held out, its label is ``digit``.

    The format is that of LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998); Fashion-MNIST and
    others come in it too.
    """

    scheme = "mnist"
    example = "mnist:DIR"
    what = "MNIST in IDX files, plain or .gz; the 10,000 test images are held out"
    default_preset = "mnist"

    def __init__(self, path: Path, files: dict[str, tuple[Path, Path]]) -> None:
        super().__init__(path.resolve().name, path)
        self._files = files

    @classmethod
    def open(cls, argument: str) -> Self:
        """Open the folder and look for the four files."""
        path = existing_folder(argument, cls.scheme)
        files = {
            part: (_find(path, f"{prefix}-images", 3), _find(path, f"{prefix}-labels", 1))
            for part, prefix in _PARTS.items()
        }
        return cls(path, files)

    def fingerprint(self) -> str:
        """Return a digest of the files' names, sizes and times of change."""
        assert self.path is not None
        return fingerprint_files(self.path, [file.name for pair in self._files.values() for file in pair])

    def items(self) -> pa.Table:
        """Read all images and labels: training images first, then the test images."""
        images, labels, ids, split = [], [], [], []
        for part, (image_file, label_file) in self._files.items():
            pixels, digits = read_idx(image_file), read_idx(label_file)
            if pixels.ndim != 3 or pixels.dtype != np.uint8:
                raise SourceError(f"{image_file} must hold uint8 images (N, H, W), got {pixels.dtype} {pixels.shape}")
            if digits.ndim != 1 or digits.dtype.kind not in "iu" or len(digits) != len(pixels):
                raise SourceError(
                    f"{label_file} must hold {len(pixels)} integers, as many as {image_file.name} has images, "
                    f"got {digits.dtype} {digits.shape}"
                )
            images.append(pixels)
            labels.append(digits.astype(np.int64))
            ids += [f"{part}-{index:05d}" for index in range(len(pixels))]
            split += ["train" if part == "train" else "held-out"] * len(pixels)
        if images[0].shape[1:] != images[1].shape[1:] or not all(len(part) for part in images):
            raise SourceError(
                f"{self.path} must hold training and test images of one size, got {images[0].shape} and "
                f"{images[1].shape}"
            )
        self._pixels = np.concatenate(images)
        return items_table(ids, split, {"digit": pa.array(np.concatenate(labels))})


def read_idx(path: Path) -> NDArray[Any]:
    """Read an array from an IDX file.

    Parameters
    ----------
    path : Path
        The file, compressed by gzip when its name ends in ``.gz``.

    Returns
    -------
    ndarray
        Of the shape and type that the file names, in the machine's byte order.

    Raises
    ------
    SourceError
        The file cannot be read, is no IDX file, is cut short, or has bytes left over.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as file:
                content = file.read()
        else:
            content = path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES or content[3] == 0:
        raise SourceError(f"{path} is not an IDX file: it must begin with 00 00 TYPE DIMENSIONS, got {_hex(content)}")
    dtype, start = np.dtype(_DTYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise SourceError(f"{path} is cut short: its header must have {start} bytes, got {len(content)}")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    whole = start + math.prod(shape) * dtype.itemsize
    if len(content) != whole:
        raise SourceError(f"{path} must have {whole} bytes for the shape {shape}, got {len(content)}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(path: Path, array: NDArray[Any]) -> None:
    """Write an array to an IDX file, compressed by gzip when its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file.
    array : ndarray
        Of uint8, int8, int16, int32, float32 or float64, with 1 to 255 dimensions.

    Raises
    ------
    ValueError
        The type or the number of dimensions has no place in the format.
    """
    codes = {np.dtype(name).newbyteorder("="): code for code, name in _DTYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or array.ndim == 0:
        raise ValueError(f"array must be one that IDX can hold, got {array.dtype} {array.shape}")
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(_DTYPES[code]).tobytes()
    # a fixed time makes equal arrays equal files
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)


def _find(folder: Path, stem: str, dimensions: int) -> Path:
    names = [f"{stem}{dot}idx{dimensions}-ubyte{end}" for dot in "-." for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise SourceError(f"{folder} must hold {names[0]} or {names[1]}, got neither")


def _hex(content: bytes) -> str:
    return content[:4].hex(" ") or "an empty file"
