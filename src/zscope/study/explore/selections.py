"""Sets of codes: how they differ from the rest, and as files."""

import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import ParameterError
from zscope.judging.intervals import share_score
from zscope.measures.words import counted
from zscope.runs.latents import MEASURED_COLUMN
from zscope.study.explore.answer import Answer, Rows, checked_rows, number_or_none
from zscope.study.explore.columns import Column, is_map
from zscope.study.explore.opened import Opened
from zscope.typing import FloatArray, Json, JsonDict

COMPONENTS: Final = 16
"""Leading components that are compared."""

RAW_AXES: Final = 5
"""Raw axes that are named: those along which the set differs most."""


def compare(opened: Opened, columns: Mapping[str, Column], rows: Rows) -> Answer:
    """Hold a set of codes against all others.

    The set was chosen by looking at the codes, so that a p-value of a difference of coordinates would be none: only
    effects are given. Labels are another matter, unless they were looked at too: their shares have intervals.

    Parameters
    ----------
    opened : Opened
        The codes.
    columns : mapping
        Columns of the points.
    rows : sequence of int
        The set; a row that is named twice counts once.

    Returns
    -------
    Answer
        ``n`` in the set, ``of`` all, ``says``, and ``rows``: of a coordinate or measure ``column``, ``kind``
        (``number``), ``set`` and ``rest`` (means), ``difference`` (of the means, in standard deviations of the rest;
        None where these do not vary), ``says``; of each value of a label ``column`` (``LABEL=VALUE``), ``kind``
        (``share``), ``set`` and ``rest`` (shares of codes with a label), ``difference`` (of the shares), ``set_low``,
        ``set_high``, ``rest_low``, ``rest_high`` (Wilson's 95 % intervals), ``says``. The largest differences of each
        kind come first.

    Raises
    ------
    ParameterError
        The set is empty, or all codes.
    """
    inside = np.zeros(opened.n, bool)
    inside[checked_rows(rows, opened.n)] = True
    n = int(inside.sum())
    if n == opened.n:
        raise ParameterError("rows", "leave some codes out, which the others are compared with", f"all {n:,}")
    numbers = _coordinates(opened, inside)
    for column in columns.values():
        if column.kind == "number" and not is_map(column.name):
            numbers.append(_number(column.name, column.values, inside))
    shares = [
        entry
        for column in columns.values()
        if column.kind == "category" and len(column.texts) > 1
        for entry in _shares(column, inside)
    ]
    found = [entry for entry in (*_largest(numbers), *_largest(shares)) if entry]
    says = (
        f"{counted(n, 'code')} of {opened.n:,}. The set was chosen by looking, so coordinates have no p-values here: a "
        "set that was drawn around a place differs there by choice. Differences of coordinates are in standard "
        f"deviations of the rest. Of raw axes the {min(RAW_AXES, opened.d)} that differ most are named. Shares are of "
        "codes that have a value; their 95 % intervals mean nothing for a label by which the set was chosen."
    )
    return Answer({"n": n, "of": opened.n, "rows": list[Json](found), "says": says})


def _largest(entries: list[JsonDict]) -> list[JsonDict]:
    """Sort by the size of the difference, the unknown last."""

    def size(entry: JsonDict) -> float:
        difference = entry["difference"]
        return -abs(difference) if isinstance(difference, float) else 1.0

    return sorted(entries, key=size)


def _coordinates(opened: Opened, inside: NDArray[np.bool_]) -> list[JsonDict]:
    """Compare the leading components, and the raw axes that differ most."""
    count = min(COMPONENTS, opened.d)
    components = np.empty((opened.n, count))
    directions = opened.axes.components[:count].T
    for rows in row_chunks(opened.n):
        components[rows] = (opened.codes[rows].astype(np.float64) - opened.axes.centre) @ directions
    found = [_number(f"pc{place + 1}", components[:, place], inside) for place in range(count)]
    rest, own = opened.codes[~inside], opened.codes[inside]
    spread = rest.std(axis=0, dtype=np.float64)
    apart = np.abs(own.mean(axis=0, dtype=np.float64) - rest.mean(axis=0, dtype=np.float64))
    differs = np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 0)
    most = np.argsort(-differs, kind="stable")[:RAW_AXES]
    return found + [_number(f"axis{axis}", opened.codes[:, axis], inside) for axis in most]


def _number(name: str, values: FloatArray, inside: NDArray[np.bool_]) -> JsonDict:
    """Compare means: (mean of the set − mean of the rest) / standard deviation of the rest (divisor n − 1)."""
    there = np.isfinite(values)
    own, rest = (values[there & part].astype(np.float64) for part in (inside, ~inside))
    if not len(own) or not len(rest):
        missing = "set" if not len(own) else "rest"
        return {
            "column": name,
            "kind": "number",
            "set": float(own.mean()) if len(own) else None,
            "rest": float(rest.mean()) if len(rest) else None,
            "difference": None,
            "says": f"No code of the {missing} has {name}.",
        }
    spread = float(rest.std(ddof=1)) if len(rest) > 1 else 0.0
    difference = number_or_none((own.mean() - rest.mean()) / spread) if spread > 0 else None
    says = f"{name}: mean {own.mean():.4g} against {rest.mean():.4g}, " + (
        "the rest does not vary." if difference is None else f"{difference:+.2f} standard deviations of the rest."
    )
    return {
        "column": name,
        "kind": "number",
        "set": float(own.mean()),
        "rest": float(rest.mean()),
        "difference": difference,
        "says": says,
    }


def _shares(column: Column, inside: NDArray[np.bool_]) -> list[JsonDict]:
    """Compare the share of each value that the set or the rest has."""
    own, rest = (column.values[part & (column.values >= 0)] for part in (inside, ~inside))
    if not len(own) or not len(rest):
        return []
    entries: list[JsonDict] = []
    for place in np.unique(np.concatenate([own, rest])):
        first, other = share_score(own == place), share_score(rest == place)
        name = f"{column.name}={column.texts[place]}"
        entries.append(
            {
                "column": name,
                "kind": "share",
                "set": first.value,
                "rest": other.value,
                "difference": first.value - other.value,
                "set_low": first.low,
                "set_high": first.high,
                "rest_low": other.low,
                "rest_high": other.high,
                "says": (
                    f"{name}: {100 * first.value:.1f} % of the set ({100 * first.low:.1f} to {100 * first.high:.1f}), "
                    f"{100 * other.value:.1f} % of the rest ({100 * other.low:.1f} to {100 * other.high:.1f})."
                ),
            }
        )
    return entries


def export(opened: Opened, rows: Rows, format: str) -> Answer:
    """Give a set of codes as a file that ``zscope measure`` and ``zscope explore`` read again.

    CSV and Parquet: ``row``, ``id``, ``split``, the labels that are no fractions, and the codes as ``axis0`` …; columns
    of fractions are left out since they would be read as further axes. ``.npy``: the codes alone, float32.

    Parameters
    ----------
    opened : Opened
        The codes.
    rows : sequence of int
        The set; a row that is named twice is written once. The file is in the order of the points.
    format : {"csv", "parquet", "npy"}
        What to make.

    Returns
    -------
    Answer
        ``filename``, ``mime``, ``says``; ``bytes`` (k,), uint8.
    """
    if format not in WRITERS:
        raise ParameterError("format", f"be one of {', '.join(WRITERS)}", format)
    chosen = np.unique(checked_rows(rows, opened.n))
    content = np.frombuffer(WRITERS[format](opened, chosen), np.uint8)
    stem = opened.name.rpartition(".")[0] or opened.name
    says = f"{counted(len(chosen), 'code')} of {opened.n:,}, with {counted(opened.d, 'axis', 'axes')}."
    data: JsonDict = {"filename": f"{stem}-{len(chosen)}-codes.{format}", "mime": MIMES[format], "says": says}
    return Answer(data, {"bytes": content})


def _table(opened: Opened, rows: NDArray[np.int64]) -> pa.Table:
    points = opened.points.take(pa.array(rows))
    kept = {
        name: points[name]
        for name in points.column_names
        if name != "row" and not pa.types.is_floating(points[name].type) and not MEASURED_COLUMN.fullmatch(name)
    }
    codes = opened.codes[rows]
    axes = {f"axis{axis}": pa.array(np.ascontiguousarray(codes[:, axis])) for axis in range(opened.d)}
    return pa.table({"row": pa.array(rows), **kept, **axes})


def _csv(opened: Opened, rows: NDArray[np.int64]) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(_table(opened, rows), sink)
    return sink.getvalue()


def _parquet(opened: Opened, rows: NDArray[np.int64]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_table(opened, rows), sink)
    return sink.getvalue()


def _npy(opened: Opened, rows: NDArray[np.int64]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, opened.codes[rows], allow_pickle=False)
    return sink.getvalue()


WRITERS: Final[Mapping[str, Callable[[Opened, NDArray[np.int64]], bytes]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "npy": _npy,
}
"""How a set is written, by format."""

MIMES: Final = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "npy": "application/octet-stream",
}
"""Media types of the formats."""
