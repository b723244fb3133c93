"""Codes of one's own: the arrays that people keep them in, read without pickle and without a copy where that can be."""

import csv
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from zscope.clouds.moments import row_chunks
from zscope.errors import CodesError, FormatError
from zscope.measures.words import counted
from zscope.runs.code_tables import Table, read_csv_codes, read_parquet_codes

_NAMED_ROWS: Final = 5
_NAMES: Final = "one array, or arrays named codes or mean, and perhaps logvar and labels"


@dataclass(frozen=True, eq=False)
class StoredCodes:
    """Codes as a file holds them.

    Attributes
    ----------
    path : Path
        The file.
    mean : ndarray of shape (N, d)
        Real numbers of any type and memory order; mapped into memory from a ``.npy`` file.
    logvar : ndarray of shape (N, d), or None
        Log-variances of the posteriors, where the file has them.
    labels : dict of str to pyarrow.ChunkedArray
        What else the file says of each code; N entries each.
    """

    path: Path
    mean: NDArray[Any]
    logvar: NDArray[Any] | None = None
    labels: dict[str, pa.ChunkedArray] = field(default_factory=dict)

    @property
    def says(self) -> str:
        """What was read, in a line."""
        n, d = self.mean.shape
        both = "" if self.logvar is None else " with log-variances"
        labels = f"; labels: {', '.join(self.labels)}" if self.labels else ""
        return f"{self.path}: {counted(n, 'code')} of {counted(d, 'dimension')}{both}{labels}"


def read_codes(path: Path) -> StoredCodes:
    """Read codes; the suffix of the file says how.

    ``.npy``: one array. ``.npz``, ``.safetensors``: one array, or arrays named ``codes`` or ``mean``, and perhaps
    ``logvar``; in an ``.npz`` file ``labels`` too. ``.csv``, ``.parquet``: columns of fractional numbers are the axes
    in their order and all other columns are labels; where no column holds fractions, whole numbers are the axes. A CSV
    file without a line of names holds axes only.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    StoredCodes
        Of the shape (N, d); whether the numbers are finite is not looked at, see `bad_rows`.

    Raises
    ------
    FormatError
        There is no such file, it is cut short or not what its suffix says, or holds Python objects.
    CodesError
        It holds something else than a table of real numbers.
    """
    reader = READERS.get(path.suffix)
    if reader is None:
        raise FormatError(f"{path} must be a file of codes ({', '.join(READERS)}), got {path.suffix or 'no suffix'}")
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file" if not path.exists() else f"{path} is no file")
    try:
        stored = reader(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, SafetensorError, csv.Error) as error:
        # pyarrow's errors are ValueErrors, and so is UnicodeDecodeError
        raise FormatError(f"{path} cannot be read as {path.suffix[1:]}: {_reason(error)}") from error
    _check_table(stored.path, "codes", stored.mean)
    if stored.logvar is not None:
        _check_table(stored.path, "log-variances", stored.logvar)
        if stored.logvar.shape != stored.mean.shape:
            raise CodesError(
                f"{path}: log-variances must have the shape {stored.mean.shape} of the codes, got {stored.logvar.shape}"
            )
    return stored


def bad_rows(stored: StoredCodes) -> NDArray[np.int64]:
    """Find codes with a NaN or an infinity in them, or in their log-variances.

    Parameters
    ----------
    stored : StoredCodes
        What was read.

    Returns
    -------
    ndarray of int64
        Their rows, ascending.
    """
    bad = np.zeros(len(stored.mean), bool)
    for table in (stored.mean, stored.logvar):
        if table is None or table.dtype.kind != "f":
            continue
        for rows in row_chunks(len(table)):
            bad[rows] |= ~np.isfinite(table[rows]).all(axis=1)
    return np.flatnonzero(bad)


def without_rows(stored: StoredCodes, rows: NDArray[np.int64]) -> StoredCodes:
    """Leave codes out, and their labels with them.

    Parameters
    ----------
    stored : StoredCodes
        What was read.
    rows : ndarray of int64
        Those to leave out.

    Returns
    -------
    StoredCodes
        The others, in their order; the same object where there is nothing to leave out.

    Raises
    ------
    CodesError
        None would be left.
    """
    if not len(rows):
        return stored
    kept = np.delete(np.arange(len(stored.mean)), rows)
    if not len(kept):
        raise CodesError(f"{stored.path}: every row holds NaN or infinity")
    take = pa.array(kept)
    return StoredCodes(
        stored.path,
        stored.mean[kept],
        None if stored.logvar is None else stored.logvar[kept],
        {name: column.take(take) for name, column in stored.labels.items()},
    )


def listed_rows(rows: NDArray[np.int64], of: int) -> str:
    """Count rows with a NaN or an infinity and name the first.

    Parameters
    ----------
    rows : ndarray of int64
        From `bad_rows`.
    of : int
        How many rows there are.

    Returns
    -------
    str
        To be read after the file's name and a colon.

    Examples
    --------
    >>> listed_rows(np.array([3, 7]), 200)
    '2 of 200 rows hold NaN or infinity (rows 3, 7, counted from 0)'
    """
    named = ", ".join(str(row) for row in rows[:_NAMED_ROWS]) + (", …" if len(rows) > _NAMED_ROWS else "")
    verb, noun = ("holds", "row") if len(rows) == 1 else ("hold", "rows")
    return f"{len(rows):,} of {of:,} rows {verb} NaN or infinity ({noun} {named}, counted from 0)"


def content_hash(stored: StoredCodes) -> str:
    """SHA-256 of the numbers as float32, whatever file they came from.

    Parameters
    ----------
    stored : StoredCodes
        The codes.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    digest = hashlib.sha256(repr((stored.mean.shape, stored.logvar is not None)).encode())
    for table in (stored.mean, stored.logvar):
        if table is None:
            continue
        for rows in row_chunks(len(table)):
            with np.errstate(over="ignore"):  # refused by whoever measures them
                digest.update(np.ascontiguousarray(table[rows], dtype="<f4").data)
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    if "allow_pickle" in text or "Python objects" in text:
        return "it holds Python objects, which could run code when read; save an array of numbers"
    return "it is cut short" if "mmap length" in text else text


def _check_head(path: Path, head: bytes, what: str) -> None:
    with path.open("rb") as file:
        found = file.read(len(head))
    if found != head:
        raise ValueError(f"it is not {what}" if found else "it is empty")


def _check_table(path: Path, what: str, table: NDArray[Any]) -> None:
    if table.dtype.kind not in "fiu":
        raise CodesError(f"{path}: {what} must be real numbers, got an array of type {table.dtype}")
    if table.ndim == 1:
        raise CodesError(
            f"{path}: {what} must have shape (N, d), got {table.shape}; if these are {len(table):,} codes of one "
            "dimension, save array.reshape(-1, 1)"
        )
    if table.ndim != 2:
        raise CodesError(
            f"{path}: {what} must have shape (N, d), got {table.shape}"
            + ("; save array.reshape(len(array), -1)" if table.ndim > 2 else "")
        )
    if 0 in table.shape:
        raise CodesError(f"{path}: {what} must be at least 1 point in at least 1 dimension, got {table.shape}")


def _read_npy(path: Path) -> StoredCodes:
    _check_head(path, b"\x93NUMPY", "a NumPy array")
    return StoredCodes(path, np.load(path, mmap_mode="r", allow_pickle=False))


def _read_npz(path: Path) -> StoredCodes:
    _check_head(path, b"PK", "an archive of NumPy arrays")
    # NumPy would leave the file open where the archive is broken
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        mean, logvar = _chosen(path, archive.files)
        labels = {"label": _label_array(path, archive["labels"])} if "labels" in archive.files else {}
        stored = StoredCodes(path, archive[mean], None if logvar is None else archive[logvar], labels)
    for column in labels.values():
        if len(column) != len(stored.mean):
            raise CodesError(f"{path}: labels must be one a code, {len(stored.mean):,}, got {len(column):,}")
    return stored


def _label_array(path: Path, values: NDArray[Any]) -> pa.ChunkedArray:
    if values.ndim != 1 or values.dtype.kind not in "biufUS":
        raise CodesError(f"{path}: labels must be numbers or texts of shape (N,), got {values.dtype} {values.shape}")
    return pa.chunked_array([pa.array(values.astype(str) if values.dtype.kind in "US" else values)])


def _read_safetensors(path: Path) -> StoredCodes:
    with safe_open(path, framework="np") as file:
        mean, logvar = _chosen(path, list(file.keys()))
        try:
            return StoredCodes(path, file.get_tensor(mean), None if logvar is None else file.get_tensor(logvar))
        except TypeError as error:  # NumPy has no bfloat16
            raise ValueError(f"{error}; save float32") from error


def _chosen(path: Path, names: Sequence[str]) -> tuple[str, str | None]:
    """Choose the array of codes, and that of the log-variances."""
    others = [name for name in names if name not in ("logvar", "labels")]
    named = [name for name in ("codes", "mean") if name in others]
    chosen = named or others
    if len(chosen) != 1:
        raise CodesError(f"{path} must hold {_NAMES}; got {', '.join(names) or 'none'}")
    return chosen[0], "logvar" if "logvar" in names else None


def _of_table(path: Path, table: Table) -> StoredCodes:
    return StoredCodes(path, table[0], None, table[1])


READERS: Final[Mapping[str, Callable[[Path], StoredCodes]]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": lambda path: _of_table(path, read_csv_codes(path)),
    ".parquet": lambda path: _of_table(path, read_parquet_codes(path)),
    ".safetensors": _read_safetensors,
}
"""How a file of codes is read, by its suffix."""
