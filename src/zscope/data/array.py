"""Images in one NumPy file."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.data.base import ArraySource, items_table
from zscope.data.files import fingerprint_files
from zscope.data.labels import find_label_file, label_array, labels_by_order
from zscope.data.policy import to_eight_bits
from zscope.errors import SourceError

_CHECKED_AT_ONCE: Final = 1 << 22  # values, 32 MB of float64


class Array(ArraySource):
    """Images in a ``.npy`` or ``.npz`` file: (N, H, W) or (N, H, W, C), uint8 or floats in 0 … 1.

    A ``.npy`` file is memory-mapped, so it may be larger than memory. Labels are the array ``labels`` of an ``.npz``,
    else ``NAME_labels.npy``, else ``labels.csv`` or ``labels.parquet`` beside the file, with a row for each image in
    the same order.
    """

    scheme = "array"
    example = "array:FILE"
    what = ".npy or .npz with images (N, H, W) or (N, H, W, C), uint8 or floats in 0 … 1"
    default_preset = None

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, path)
        self._file = path

    @classmethod
    def open(cls, argument: str) -> Self:
        """Open the source; the array is read by `items`."""
        path = Path(argument).expanduser()
        if not path.is_file() or path.suffix not in (".npy", ".npz"):
            got = "something else" if path.exists() else "nothing there"
            raise SourceError(f"array:{argument} must name a .npy or .npz file, got {got}")
        return cls(path)

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of change of the file and its labels."""
        labels = self._label_file()
        return fingerprint_files(self._file.parent, [self._file.name, *([] if labels is None else [labels.name])])

    def items(self) -> pa.Table:
        """Check the array and return a row for each image, without an official split."""
        pixels, own_labels = _load(self._file)
        check_images(str(self._file), pixels)
        self._pixels = pixels
        count = len(pixels)
        if pixels.dtype.kind == "f":
            self.notes.append(f"{self._file.name}: {pixels.dtype} values of 0 … 1 are stored with 8 bits (0 … 255)")
        labels: dict[str, Any] = {}
        path = self._label_file()
        if own_labels is not None:
            labels["label"] = label_array(f"labels of {self._file}", own_labels, count)
        elif path is not None:
            labels = labels_by_order(path, count)
            self.notes.append(f"labels from {path.name}: {', '.join(labels)}")
        return items_table([f"{index:06d}" for index in range(count)], None, labels)

    def _image(self, index: int) -> NDArray[np.uint8]:
        image = self._pixels[index]
        image = image[:, :, np.newaxis] if image.ndim == 2 else image
        return to_eight_bits(image) if image.dtype.kind == "f" else np.asarray(image)

    def _label_file(self) -> Path | None:
        own = self._file.with_name(f"{self._file.stem}_labels.npy")
        return own if own.is_file() else find_label_file(self._file.parent)


def check_images(what: str, pixels: NDArray[Any]) -> None:
    """Check that an array holds images.

    Parameters
    ----------
    what : str
        What to call it in an error.
    pixels : ndarray
        Whatever a file held; floats are read in pieces.

    Raises
    ------
    SourceError
        It is not (N, H, W) or (N, H, W, C) with C of 1 or 3, not uint8 or float, or a float is not in 0 … 1.
    """
    shape = pixels.shape
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise SourceError(f"{what} must be uint8, or float in 0 … 1, got {pixels.dtype}")
    if pixels.ndim == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise SourceError(
            f"{what} must be (N, H, W, C), channels last, got {shape}: transpose it with np.moveaxis(images, 1, -1)"
        )
    if pixels.ndim == 3 and shape[2] in (1, 3):
        raise SourceError(f"{what} must be (N, H, W) or (N, H, W, C), got {shape}, which looks like a single image")
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and shape[3] not in (1, 3)) or 0 in shape:
        raise SourceError(f"{what} must be (N, H, W) or (N, H, W, C) with C of 1 or 3 and no length 0, got {shape}")
    if pixels.dtype.kind != "f":
        return
    step = max(1, _CHECKED_AT_ONCE // int(np.prod(shape[1:])))
    for start in range(0, shape[0], step):
        part = np.asarray(pixels[start : start + step])
        good = (part >= 0) & (part <= 1)  # false for NaN
        if not good.all():
            first = np.unravel_index(int(np.argmin(good)), part.shape)
            index = [start + int(first[0]), *(int(i) for i in first[1:])]
            raise SourceError(f"{what} must be in 0 … 1 throughout, got {float(part[first])!r} at {index}")


def _load(path: Path) -> tuple[NDArray[Any], Any]:
    """Return the images of a file, and its labels or None."""
    try:
        if path.suffix == ".npy":
            # no mapping of an array of Python objects, which NumPy refuses either way
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        # NumPy would leave the file open where it is no archive
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            name = _images_in(path, archive.files)
            return archive[name], archive["labels"] if "labels" in archive.files and name != "labels" else None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(f"{path} cannot be read as an array: {error}") from error


def _images_in(path: Path, names: list[str]) -> str:
    if "images" in names:
        return "images"
    if len(names) == 1:
        return names[0]
    raise SourceError(
        f"{path} must hold one array, or arrays named images and labels, got {', '.join(names) or 'none'}"
    )
