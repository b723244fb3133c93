"""Codes in tables: which columns of a CSV or Parquet file are axes, and which are labels."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zscope.errors import CodesError

_BATCH: Final = 65_536

Table = tuple[NDArray[np.float32], dict[str, pa.ChunkedArray]]
"""Codes of shape (N, d), NaN where something is missing, and labels by name."""


def read_parquet_codes(path: Path) -> Table:
    """Read codes from a Parquet file, in pieces.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    codes, labels
        Columns of fractional numbers, and all others; where no column holds fractions, whole numbers are the codes.

    Raises
    ------
    CodesError
        No column holds numbers, or one can be no label.
    """
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        # the index that pandas writes is no label
        kept = [place for place, name in enumerate(schema.names) if not name.startswith("__index_level_")]
        axes, others = _axes_and_labels(path, schema, kept)
        batches = file.iter_batches(_BATCH, columns=[schema.names[place] for place in axes])
        mean = _matrix(path, batches, range(len(axes)), file.metadata.num_rows)
        labels = file.read(columns=[schema.names[place] for place in others])
    return mean, {name: _plain(path, name, labels[name]) for name in labels.column_names}


def read_csv_codes(path: Path) -> Table:
    """Read codes from a CSV file: comma, UTF-8, with a line of names or without one.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    codes, labels
        As `read_parquet_codes`; without names every column is an axis.

    Raises
    ------
    CodesError
        No column holds numbers, or one holds something else where there are no names.
    """
    given = _csv_names(path)
    table = pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(autogenerate_column_names=given is None),
        convert_options=pa_csv.ConvertOptions(strings_can_be_null=True),
    )
    if not table.num_rows:
        raise CodesError(f"{path} holds no row below its line of names")
    if given is None:
        for place, kind in enumerate(table.schema.types):
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
                raise CodesError(f"{path}: without a line of names every column must be numbers, column {place} is not")
        axes: list[int] = list(range(table.num_columns))
        others: list[int] = []
    else:
        # pandas writes its index under an empty name
        axes, others = _axes_and_labels(path, table.schema, [place for place, name in enumerate(given) if name])
    names = table.schema.names
    labels = {names[place]: _plain(path, names[place], table.column(place)) for place in others}
    return _matrix(path, table.to_batches(_BATCH), axes, table.num_rows), labels


def _csv_names(path: Path) -> list[str] | None:
    """Read the line of names of a CSV file, or find that it has none.

    Names are texts, or numbers that count 0, 1, 2, … as pandas names columns: beside a text, or three of them at least.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.reader(file), [])
    if not first:
        raise ValueError("the file is empty, or its first line is")
    numbers = [text for text in first if _is_number(text)]
    texts = [text for text in first if text.strip() and not _is_number(text)]
    counted_up = numbers == [str(place) for place in range(len(numbers))]
    if texts and not counted_up:
        raise CodesError(
            f"{path}: the first line must be names or numbers, got both ({texts[0]!r:.40} and {numbers[0]!r:.40})"
        )
    return first if texts or (counted_up and len(numbers) > 2) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _axes_and_labels(path: Path, schema: pa.Schema, places: Iterable[int]) -> tuple[list[int], list[int]]:
    """Tell columns that are axes from labels: fractions if there are any, else whole numbers."""
    places = list(places)
    doubled = [schema.names[place] for place in places if schema.names.count(schema.names[place]) > 1]
    if doubled:
        raise CodesError(f"{path} must name every column once, got {doubled[0]} more than once")
    for is_axis in (pa.types.is_floating, pa.types.is_integer):
        axes = [place for place in places if is_axis(schema.types[place])]
        if axes:
            return axes, [place for place in places if place not in axes]
    raise CodesError(f"{path} holds no column of numbers, got {', '.join(schema.names[:8]) or 'no column'}")


def _matrix(path: Path, batches: Iterable[pa.RecordBatch], places: Sequence[int], n: int) -> NDArray[np.float32]:
    """Write columns beside each other as float32; what is missing becomes NaN."""
    matrix = np.empty((n, len(places)), np.float32)
    largest = np.finfo(np.float32).max
    start = 0
    for batch in batches:
        for axis, place in enumerate(places):
            values = batch.column(place).to_numpy(zero_copy_only=False)
            values = values if values.dtype.kind in "fiu" else values.astype(np.float64)  # a column of nothing
            if (np.isfinite(values) & (np.abs(values) > largest)).any():
                raise CodesError(
                    f"{path}: codes must fit into float32, got {np.abs(values[np.isfinite(values)]).max()}"
                )
            matrix[start : start + len(values), axis] = values
        start += len(batch)
    return matrix


def _plain(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give a column as a label that every reader of the points knows: truth value, whole number, or text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    plain = pa.bool_() if pa.types.is_boolean(kind) else pa.int64() if pa.types.is_integer(kind) else pa.string()
    try:
        return column.cast(plain)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CodesError(f"{path}: column {name} holds {kind}, which is neither an axis nor a label") from error
