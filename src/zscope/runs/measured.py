"""``measures.json``: what was measured, and how it was held against nulls; and the null's points beside the codes'."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zscope.errors import FormatError
from zscope.runs.formats import check_keys, read_json, staged_file, write_json
from zscope.typing import FloatArray, JsonDict

FORMAT, VERSION = "zscope-measures", 1


def write_measures(path: Path, content: JsonDict) -> None:
    """Write ``measures.json``: ``cloud``, ``measures``, ``about``, and the same for ``held_out`` codes."""
    write_json(path, FORMAT, VERSION, content)


def read_measures(path: Path) -> dict[str, Any]:
    """Read ``measures.json``; empty where there is none, `FormatError` where a part is missing."""
    if not path.exists():
        return {}
    content: dict[str, Any] = read_json(path, FORMAT, VERSION)
    for place, part in ((str(path), content), (f"{path}: held_out", content.get("held_out"))):
        if part is None:
            continue
        check_keys(place, part, {"cloud": dict, "measures": list})
        check_keys(f"{place}: cloud", part["cloud"], {"n": int, "d": int})
        for entry in part["measures"]:
            check_keys(f"{place}: measures", entry, {"name": str})
            done = {"values": dict, "tests": list, "verdict": object} if "skipped" not in entry else {"skipped": str}
            check_keys(f"{place}: {entry['name']}", entry, done)
    return content


def write_null_points(path: Path, columns: Mapping[str, FloatArray]) -> None:
    """Write the coordinates of a null cloud in the planes and maps of the codes."""
    with staged_file(path) as stage:
        pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), stage)


def read_null_points(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_null_points` wrote; empty where there is none."""
    if not path.exists():
        return {}
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise FormatError(f"{path}: {str(error).splitlines()[0]}") from None
    return {name: table[name].to_numpy() for name in table.column_names}
