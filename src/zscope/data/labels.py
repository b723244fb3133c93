"""Label files, ``labels.csv`` and ``labels.parquet``, and finding the row of an image in them."""

import csv
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zscope.data.files import identifier
from zscope.errors import SourceError
from zscope.runs.latents import MEASURED_COLUMN
from zscope.runs.store import RESERVED_COLUMNS

FILE_COLUMNS: Final = ("image", "file", "filename", "path", "image_id", "id", "name")
LABEL_FILES: Final = ("labels.csv", "labels.parquet")
NULL_TEXTS: Final = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")


def find_label_file(*folders: Path) -> Path | None:
    """Return the label file in the first folder that has one.

    Raises
    ------
    SourceError
        A folder has both ``labels.csv`` and ``labels.parquet``.
    """
    for folder in folders:
        found = [folder / name for name in LABEL_FILES if (folder / name).is_file()]
        if len(found) > 1:
            raise SourceError(f"{folder} must hold labels.csv or labels.parquet, got both")
        if found:
            return found[0]
    return None


def read_labels(path: Path, text_columns: tuple[str, ...] = ()) -> pa.Table:
    """Read a label file.

    Numbers stay numbers: columns become bool, int64, float64 or string. In a CSV file a field that is empty or one of
    `NULL_TEXTS` is null.

    Parameters
    ----------
    path : Path
        A CSV file (comma, UTF-8, names in the first line) or a Parquet file.
    text_columns : tuple of str
        Columns that are text even if they look like numbers (``000001`` must keep its zeros).

    Returns
    -------
    pyarrow.Table
        The columns of the file.

    Raises
    ------
    SourceError
        The file cannot be read, two columns have one name, or a column holds what is no label.
    """
    try:
        table = _read_csv(path, text_columns) if path.suffix == ".csv" else pq.read_table(path)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    names = table.column_names
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SourceError(f"{path} must name every column once, got {', '.join(doubled)} more than once")
    columns = {
        name: _plain(path, name, table[name], name in text_columns)
        for name in names
        if not name.startswith("__index_level_")  # the index that pandas writes into Parquet
    }
    return pa.table(columns) if columns else table


def match_labels(path: Path, folder: Path, names: list[str]) -> tuple[dict[str, pa.ChunkedArray], str]:
    """Find the labels of image files.

    A row names its image by the path relative to `folder` or to the label file, or by the bare file name.

    Parameters
    ----------
    path : Path
        The label file. The first of its columns that is one of `FILE_COLUMNS` names the images.
    folder : Path
        The folder of the images.
    names : list of str
        The images, relative to `folder`.

    Returns
    -------
    columns : dict of str to pyarrow.ChunkedArray
        The other columns, a row for each image; null where the file has none.
    note : str
        How many images have a row, for the log.

    Raises
    ------
    SourceError
        No column names images, two rows name one image, a bare name fits two images, or no row fits any image.
    """
    table = read_labels(path, FILE_COLUMNS)
    file_column = next((name for name in FILE_COLUMNS if name in table.column_names), None)
    if file_column is None:
        raise SourceError(
            f"{path} must have a column {', '.join(FILE_COLUMNS[:-1])} or {FILE_COLUMNS[-1]} that names the images, "
            f"got {', '.join(table.column_names) or 'no column'}"
        )
    rows = _rows_of_images(path, folder, names, table[file_column].to_pylist())
    found = sum(row is not None for row in rows)
    if not found:
        raise SourceError(
            f"{path} must name images of {folder} in its column {file_column}, got none, such as "
            f"{next(iter(table[file_column].to_pylist()), 'no row at all')!r}; an image is {names[0]!r}"
        )
    columns = check_reserved(path, table.drop_columns([file_column]))
    take = pa.array(rows, pa.int64())
    note = f"{path.name}: labels of {found:,} of {len(names):,} images"
    if table.num_rows > found:
        note += f"; {table.num_rows - found:,} rows name none of them"
    return {name: columns[name].take(take) for name in columns.column_names}, note


def check_reserved(path: Path, labels: pa.Table) -> pa.Table:
    """Return label columns when none bears a name that zscope uses itself.

    Raises
    ------
    SourceError
        A column is called ``id`` or ``split``, or like one that measures keep with each code (``radius``, ``pc1`` …).
    """
    for name in labels.column_names:
        if name in RESERVED_COLUMNS:
            raise SourceError(f"{path} must not have a label column {name!r}, which every store has: rename it")
        if MEASURED_COLUMN.fullmatch(name):
            raise SourceError(f"{path} must not have a label column {name!r}, which measures add to codes: rename it")
    return labels


def _read_csv(path: Path, text_columns: tuple[str, ...]) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), None)
    if header is None:
        raise csv.Error("the file is empty")
    return pa_csv.read_csv(
        path,
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in text_columns if name in header},
            null_values=list(NULL_TEXTS),
            strings_can_be_null=True,
        ),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
    )


def _plain(path: Path, name: str, column: pa.ChunkedArray, text: bool) -> pa.ChunkedArray:
    """Return a label column as bool, int64, float64 or string."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(kind) and not text:
        plain = pa.bool_()
    elif pa.types.is_integer(kind) and not text:
        plain = pa.int64()
    elif pa.types.is_floating(kind) and not text:
        plain = pa.float64()
    else:
        plain = pa.string()
    try:
        return pc.cast(column, plain)
    except pa.ArrowException as error:
        raise SourceError(f"{path} must hold numbers, truth values or text in column {name!r}, got {kind}") from error


def _rows_of_images(path: Path, folder: Path, names: list[str], wanted: list[str | None]) -> list[int | None]:
    """Return for each image the row of the label file that names it."""
    by_path = {identifier(name): index for index, name in enumerate(names)}
    by_name: dict[str, list[int]] = defaultdict(list)
    for image, name in enumerate(names):
        by_name[identifier(PurePosixPath(name).name)].append(image)
    # a label file beside the folder may name "images/1.png" where the folder calls it "1.png"
    above = "" if path.parent.resolve() == folder.resolve() else f"{folder.resolve().name}/"
    rows: list[int | None] = [None] * len(names)
    for row, value in enumerate(wanted):
        if value is None:
            continue
        key = value.strip().replace("\\", "/").removeprefix("./")
        index: int | None = by_path.get(key)
        if index is None and above and key.startswith(above):
            index = by_path.get(key.removeprefix(above))
        if index is None and "/" not in key and key in by_name:
            if len(by_name[key]) > 1:
                first, second = (names[i] for i in by_name[key][:2])
                raise SourceError(
                    f"{path} must name images by their path where a name is not unique, got {key!r}, "
                    f"which is {first} and {second}"
                )
            index = by_name[key][0]
        if index is None:
            continue
        if rows[index] is not None:
            raise SourceError(f"{path} must have one row for an image, got two for {names[index]}")
        rows[index] = row
    return rows


def labels_by_order(path: Path, count: int) -> dict[str, Any]:
    """Return the label columns of a file whose rows are in the order of the images.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.parquet`` with any columns, or ``.npy`` with one dimension, whose column is called ``label``.
    count : int
        Number of images.

    Raises
    ------
    SourceError
        The file has another number of rows, or holds no labels.
    """
    if path.suffix == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        return {"label": label_array(str(path), values, count)}
    labels = check_reserved(path, read_labels(path))
    if labels.num_rows != count:
        raise SourceError(
            f"{path} must have {count} rows, one for each image, got {labels.num_rows}; rename it if it is not meant"
        )
    return {name: labels[name] for name in labels.column_names}


def label_array(what: str, values: Any, count: int) -> pa.Array:
    """Return an array of labels as a column.

    Raises
    ------
    SourceError
        It is not one-dimensional with `count` truth values, numbers or texts.
    """
    if not isinstance(values, np.ndarray) or values.shape != (count,) or values.dtype.kind not in "biufUS":
        got = f"{values.dtype} of shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise SourceError(f"{what} must hold {count} numbers or texts, one for each image, got {got}")
    kinds = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}
    return pa.array(values.astype(kinds.get(values.dtype.kind, np.str_)))
