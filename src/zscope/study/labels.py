"""Labels of codes that lie in an array: label files, and labels by which codes fall into groups."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.data.labels import read_labels
from zscope.errors import CodesError, ParameterError, SourceError
from zscope.runs.latents import MEASURED_COLUMN

LABEL_SUFFIXES = (".npy", ".csv", ".parquet", ".txt")
"""What a file of labels may be."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of codes.

    Attributes
    ----------
    name : str
        The label, or the file.
    ids : ndarray of shape (N,), int64
        Equal for codes of one group; a code without a label is a group of its own.
    """

    name: str
    ids: NDArray[np.int64]

    @property
    def about(self) -> str:
        """Name and hash, by which measures know whether the groups are the same."""
        digest = hashlib.sha256(np.ascontiguousarray(self.ids, "<i8").data).hexdigest()
        return f"{self.name} ({digest[:16]})"


def code_labels(path: Path, n: int) -> dict[str, pa.ChunkedArray]:
    """Read a file of labels, one row a code in the same order.

    Parameters
    ----------
    path : Path
        ``.csv`` with names in its first line or ``.parquet``, any columns; ``.npy`` with one dimension, or ``.txt``
        with a label a line, whose column is called ``label``.
    n : int
        Number of codes.

    Returns
    -------
    dict of str to pyarrow.ChunkedArray
        Columns of n entries: truth values, numbers or texts.

    Raises
    ------
    SourceError
        The file cannot be read or holds no labels.
    CodesError
        It has another number of rows, or a column is named like one that measures add.
    """
    if path.suffix not in LABEL_SUFFIXES:
        raise SourceError(f"{path} must be a file of labels ({', '.join(LABEL_SUFFIXES)})")
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file")
    if path.suffix in (".csv", ".parquet"):
        table = read_labels(path)
        columns = {name: table[name] for name in table.column_names}
        rows, named = table.num_rows, " below its line of names" if path.suffix == ".csv" else ""
    else:
        values = _array(path) if path.suffix == ".npy" else _lines(path)
        columns, rows, named = {"label": pa.chunked_array([values])}, len(values), ""
    if rows != n:
        raise CodesError(f"{path} must have {n:,} rows{named}, one for each code, got {rows:,}")
    return check_names(path, columns)


def check_names(path: Path, columns: dict[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Return label columns when none bears the name of a column that measures keep with each code.

    Parameters
    ----------
    path : Path
        Where they come from.
    columns : dict of str to pyarrow.ChunkedArray
        The labels.

    Raises
    ------
    CodesError
        One does.
    """
    for name in columns:
        if MEASURED_COLUMN.fullmatch(name):
            raise CodesError(f"{path} must not have a label {name!r}, which measures add to codes: rename it")
    return columns


def groups_of(wanted: str, labels: pa.Table | dict[str, pa.ChunkedArray], n: int) -> Groups:
    """Find the groups of codes.

    Parameters
    ----------
    wanted : str
        Name of a label, or a file of labels with a single column.
    labels : table or dict of columns
        Labels of the codes.
    n : int
        Number of codes.

    Returns
    -------
    Groups
        With an entry a code.

    Raises
    ------
    ParameterError
        There is neither such a label nor such a file, or the file has several columns.
    """
    names = list(labels.column_names if isinstance(labels, pa.Table) else labels)
    if wanted in names:
        return Groups(wanted, _ids(labels[wanted]))
    if Path(wanted).suffix not in LABEL_SUFFIXES:
        there = ", ".join(names) or "none: there are no labels"
        raise ParameterError("group", f"be a file of labels or a label ({there})", wanted)
    columns = code_labels(Path(wanted), n)
    if len(columns) != 1:
        raise ParameterError("group", f"be a file with one column ({', '.join(columns)})", wanted)
    return Groups(wanted, _ids(next(iter(columns.values()))))


def _ids(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Give each value a number, and each missing one a number of its own."""
    indices = column.combine_chunks().dictionary_encode().indices
    ids: NDArray[np.int64] = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    missing = ids < 0
    ids[missing] = np.arange(len(ids), len(ids) + int(missing.sum()))
    return ids


def _array(path: Path) -> pa.Array:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "biufUS":
        got = f"{values.dtype} of shape {values.shape}" if isinstance(values, np.ndarray) else "an archive"
        raise SourceError(f"{path} must hold numbers or texts of shape (N,), got {got}")
    return pa.array(values.astype(str) if values.dtype.kind in "US" else values)


def _lines(path: Path) -> pa.Array:
    """One label a line: whole numbers where all are."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if all(line.removeprefix("-").isdecimal() for line in lines):
        return pa.array([int(line) for line in lines], pa.int64())
    return pa.array([line or None for line in lines], pa.string())
