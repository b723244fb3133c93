"""Image stores: the images of a source, brought to one shape, in one memory-mapped array.

A store is a folder::

    images.npy      (N, H, W, C) uint8, C is 1 or 3
    labels.parquet  one row an image: id, split ("train" or "held-out"), then the labels
    manifest.json   format "zscope-images", version, source, policy, count, shape, hash, unreadable files, …
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy
from numpy.typing import NDArray

from zscope.errors import FormatError, ParameterError, SourceError
from zscope.runs.formats import read_json, write_json
from zscope.typing import ImageArray, Json, JsonDict

FORMAT: Final = "zscope-images"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SPLITS: Final = ("train", "held-out")
RESERVED_COLUMNS: Final = ("id", "split")

_SELECTION_SEED: Final = 0
_COPY_IMAGES: Final = 4096


@dataclass(frozen=True, eq=False)
class ImageStore:
    """Images of one shape with their identifiers, splits and labels.

    Attributes
    ----------
    path : Path
        The folder.
    images : numpy.memmap of shape (N, H, W, C)
        uint8, read-only; only the images that are indexed are read from disk.
    labels : pyarrow.Table
        N rows: ``id``, ``split``, then the label columns.
    split : ndarray of shape (N,)
        ``"train"`` or ``"held-out"`` of every image.
    manifest : dict
        What ``manifest.json`` holds.
    """

    path: Path
    images: ImageArray
    labels: pa.Table
    split: NDArray[np.str_]
    manifest: JsonDict

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store and check that it is whole.

        Parameters
        ----------
        path : Path
            The folder.

        Returns
        -------
        ImageStore
            The store; its images stay on disk.

        Raises
        ------
        FormatError
            There is no store, it is of another format or a newer version, or a file is cut short or damaged.
        """
        path = Path(path)
        if not path.is_dir():
            raise FormatError(f"{path} is not an image store: no such folder")
        manifest = read_json(path / MANIFEST, FORMAT, VERSION)
        shape, count = manifest.get("shape"), manifest.get("count")
        if not (isinstance(shape, list) and len(shape) == 3 and isinstance(count, int) and "hash" in manifest):
            raise FormatError(f"{path / MANIFEST} must name count, shape and hash of the images")
        images = _open_images(path / "images.npy", (count, *shape))
        labels = _open_labels(path / "labels.parquet", count)
        return cls(path, images, labels, np.asarray(labels["split"].to_pylist(), dtype=np.str_), manifest)

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.images.shape[1:]
        return int(height), int(width), int(channels)

    @property
    def hash(self) -> str:
        """SHA-256 of images and labels, the same wherever the same images are prepared alike."""
        return str(self.manifest["hash"])

    @property
    def ids(self) -> list[str]:
        """Identifier of every image: its file's name relative to the source, or a number."""
        ids: list[str] = self.labels["id"].to_pylist()
        return ids

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """Identifier and reason for every image of the source that could not be read."""
        listed = self.manifest.get("unreadable")
        rows = listed if isinstance(listed, list) else []
        return [(str(row["id"]), str(row["reason"])) for row in rows if isinstance(row, dict)]

    @property
    def label_columns(self) -> list[str]:
        """Names of the label columns."""
        return [name for name in self.labels.column_names if name not in RESERVED_COLUMNS]

    def indices(self, split: str) -> NDArray[np.int64]:
        """Return which images belong to a split.

        Parameters
        ----------
        split : str
            ``"train"`` or ``"held-out"``.

        Returns
        -------
        ndarray of shape (n,)
            Sorted; empty when nothing is held out.

        Raises
        ------
        ParameterError
            `split` is none of the two.
        """
        if split not in SPLITS:
            raise ParameterError("split", f"be one of {', '.join(SPLITS)}", split)
        return np.flatnonzero(self.split == split).astype(np.int64)

    def selection(self, limit: int | None) -> NDArray[np.int64]:
        """Return `limit` images drawn from the whole store, always the same ones.

        The images are shuffled once with a fixed seed and the first `limit` taken, so a smaller selection lies inside
        every larger one.

        Parameters
        ----------
        limit : int or None
            How many, at least 1; None, or as many as there are, takes all.

        Returns
        -------
        ndarray of shape (n,)
            Sorted indices.

        Raises
        ------
        ParameterError
            `limit` is less than 1 or no integer.
        """
        count = len(self)
        if limit is None:
            return np.arange(count, dtype=np.int64)
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1:
            raise ParameterError("limit", "be an integer of at least 1", limit)
        order = np.random.default_rng(_SELECTION_SEED).permutation(count)
        return np.sort(order[:limit]).astype(np.int64)


class StoreWriter:
    """Writes the images of a store one after the other, in little memory.

    The number of images need not be known: the array's header is written again at the end. Grey images that meet
    colour ones become colour (three equal channels).

    Parameters
    ----------
    folder : Path
        An empty folder, usually of `zscope.runs.formats.staged_folder`.

    Attributes
    ----------
    count : int
        Images written so far.
    widened : bool
        Whether grey images were turned to colour.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.widened = False
        self._shape: tuple[int, int, int] | None = None
        self._first = ""
        self._path = folder / "images.npy"
        self._file: BinaryIO = self._path.open("x+b", buffering=1 << 20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def append(self, name: str, image: NDArray[np.uint8]) -> None:
        """Write one image.

        Parameters
        ----------
        name : str
            What to call it in an error.
        image : ndarray of shape (H, W, C)
            uint8, C is 1 or 3.

        Raises
        ------
        SourceError
            It is not as high or wide as the first one.
        """
        height, width, channels = image.shape
        if self._shape is None:
            self._shape, self._first = (height, width, channels), name
            self._write_header()
        elif self._shape[:2] != (height, width):
            raise SourceError(
                f"images must be of one size: {self._first} is {_size(self._shape)} but {name} is "
                f"{_size(image.shape)} (height × width); give --size, and --crop where they should not be squeezed"
            )
        if channels != self._shape[2]:
            self.widened = True
            if channels == 1:
                image = np.repeat(image, 3, axis=2)
            else:
                self._widen()
        self._file.write(np.ascontiguousarray(image).data)
        self.count += 1

    def finish(self, labels: pa.Table, about: JsonDict) -> None:
        """Write the labels and the manifest; the folder is then a store.

        Parameters
        ----------
        labels : pyarrow.Table
            A row for every image written: ``id``, ``split``, then the labels.
        about : dict
            What else the manifest tells: source, policy, fingerprint, ….
        """
        if self._shape is None or labels.num_rows != self.count:
            raise ValueError(f"labels must have a row for each of {self.count} images, got {labels.num_rows}")
        self._write_header()
        self._file.close()
        pq.write_table(labels, self.folder / "labels.parquet", compression="zstd")
        images = _open_images(self._path, (self.count, *self._shape))
        splits = labels["split"].to_pylist()
        content: JsonDict = {
            **about,
            "count": self.count,
            "shape": list(self._shape),
            "splits": {name: splits.count(name) for name in SPLITS},
            "labels": [name for name in labels.column_names if name not in RESERVED_COLUMNS],
            "hash": content_hash(images, labels),
        }
        write_json(self.folder / MANIFEST, FORMAT, VERSION, content)

    def _write_header(self) -> None:
        """Write the header for `count` images; numpy pads it so that every count takes the same room."""
        assert self._shape is not None
        self._file.seek(0)
        npy.write_array_header_1_0(
            self._file, {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self._shape)}
        )

    def _widen(self) -> None:
        """Turn the grey images written so far into colour."""
        assert self._shape is not None
        height, width, _ = self._shape
        self._write_header()
        self._file.close()
        grey = _open_images(self._path, (self.count, height, width, 1))
        wide = self._path.with_name("images-colour.npy")
        self._file = wide.open("x+b", buffering=1 << 20)
        self._shape = (height, width, 3)
        self._write_header()
        for start in range(0, self.count, _COPY_IMAGES):
            self._file.write(np.repeat(grey[start : start + _COPY_IMAGES], 3, axis=3).data)
        del grey
        wide.replace(self._path)  # the open file keeps its new name


def content_hash(images: ImageArray, labels: pa.Table) -> str:
    """Return the hash that tells two stores of different content apart.

    Parameters
    ----------
    images : ndarray of shape (N, H, W, C)
        uint8; read in pieces.
    labels : pyarrow.Table
        All columns count. Their values are hashed, not the Parquet file, whose bytes change with its writer.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([int(n) for n in images.shape]).encode())
    for start in range(0, images.shape[0], _COPY_IMAGES):
        digest.update(np.ascontiguousarray(images[start : start + _COPY_IMAGES]).data)
    for name in labels.column_names:
        values: list[Any] = labels[name].to_pylist()
        digest.update(json.dumps([name, values], ensure_ascii=True).encode())
    return digest.hexdigest()


def _open_images(path: Path, expected: tuple[Any, ...]) -> ImageArray:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path} is missing, damaged or cut short: {error}") from error
    if (
        not isinstance(images, np.memmap)
        or images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[3] not in (1, 3)
    ):
        raise FormatError(f"{path} must be uint8 of shape (N, H, W, 1 or 3), got {_described(images)}")
    if images.shape != tuple(expected):
        raise FormatError(f"{path} must have the shape {tuple(expected)} of the manifest, got {images.shape}")
    size, whole = path.stat().st_size, images.offset + images.nbytes
    if size != whole:
        raise FormatError(f"{path} must have {whole} bytes, got {size}")
    return images


def _open_labels(path: Path, count: int) -> pa.Table:
    try:
        labels = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"{path} is missing, damaged or cut short: {error}") from error
    if labels.column_names[:2] != list(RESERVED_COLUMNS) or labels.num_rows != count:
        raise FormatError(
            f"{path} must have the columns id and split first and {count} rows, "
            f"got {', '.join(labels.column_names[:2])} and {labels.num_rows}"
        )
    unknown = set(labels["split"].to_pylist()) - set(SPLITS)
    if unknown:
        raise FormatError(f"{path} must have only the splits {', '.join(SPLITS)}, got {sorted(map(str, unknown))}")
    return labels


def _described(array: Any) -> str:
    return f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def _size(shape: Iterable[Json]) -> str:
    height, width, *_ = shape
    return f"{height} × {width}"
