"""What ``zscope measure CODES`` does: codes from a file, measured into a folder of their own, without any model."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zscope.errors import CodesError, ExistsError
from zscope.measures import MEASURES, LatentCodes
from zscope.runs.codes import StoredCodes, bad_rows, content_hash, listed_rows, read_codes, without_rows
from zscope.runs.formats import staged_folder, versions, write_json
from zscope.runs.measured import read_measures, write_measures
from zscope.study.labels import Groups, check_names, code_labels, groups_of
from zscope.study.measure import MeasureSettings, measure_codes, measuring_words, write_nulls
from zscope.typing import FloatArray, Json, JsonDict, Progress, silent

FORMAT, VERSION = "zscope-codes", 1
KEYS: Final[dict[str, type]] = {"file": str, "n": int, "d": int}

NAME: Final = "codes"
"""What stands for the split in seeds and in names of files: codes of one's own have none."""


@dataclass(frozen=True)
class CodesRequest:
    """Which codes are measured, and what is known of them.

    Attributes
    ----------
    path : Path
        The file of codes.
    labels : Path or None
        A file of labels, one row a code.
    group : str or None
        Name of a label, or a file with one column, by which codes fall into groups such as persons.
    drop_bad : bool
        Leave codes with NaN or infinity out instead of refusing them.
    settings : MeasureSettings
        How to measure.
    """

    path: Path
    labels: Path | None = None
    group: str | None = None
    drop_bad: bool = False
    settings: MeasureSettings = field(default_factory=MeasureSettings)


def folder_of(path: Path) -> Path:
    """Folder into which codes are measured by default: ``NAME.zscope`` beside the file."""
    return path.with_suffix(".zscope")


def measure_file(
    request: CodesRequest,
    out: Path,
    *,
    force: bool = False,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure codes from a file into a folder, or read it where it is up to date.

    The folder holds ``codes.json``, ``measures.json``, ``points.parquet`` and the points of nulls; it appears when all
    of these are whole.

    Parameters
    ----------
    request : CodesRequest
        The codes.
    out : Path
        The folder.
    force : bool
        Measure again, and replace the folder if it is one of measured codes.
    progress, log
        Told of steps, and of lines for people.

    Returns
    -------
    dict
        What ``measures.json`` holds.

    Raises
    ------
    CodesError
        The codes cannot be measured, or the labels are not one a code.
    ExistsError
        `out` exists, and holds something else than these codes measured with these settings.
    """
    request.settings.check()
    stored, groups, dropped = _given(request, log)
    about: JsonDict = {
        **request.settings.about(),
        "codes": content_hash(stored),
        "dropped": dropped,
        "labels": _hash(stored.labels),
        "group": None if groups is None else groups.about,
    }
    before = read_measures(out / "measures.json") if (out / "codes.json").exists() else {}
    if before and not force:
        if before.get("about") == about:
            log(f"{out}: up to date")
            return before
        raise ExistsError(f"{out} holds other codes or was measured otherwise; give --force to replace it, or an --out")
    codes = LatentCodes.of(
        stored.mean,
        stored.logvar,
        None if groups is None else groups.ids,
        max_points=request.settings.points,
        max_queries=request.settings.queries,
    )
    with staged_folder(out, force=force, marker=("codes.json", FORMAT)) as stage:
        log(measuring_words(codes, request.settings))
        content, columns = measure_codes(codes, request.settings, split=NAME, measures=MEASURES, progress=progress)
        write_nulls(stage, codes, request.settings, split=NAME)
        pq.write_table(_points(stored, columns), stage / "points.parquet")
        kept = cast(list[Json], sorted(columns))
        write_measures(stage / "measures.json", {"about": about, **content, "columns": kept})
        manifest: JsonDict = {
            "file": str(request.path),
            "n": codes.n,
            "d": codes.dimension,
            "logvar": codes.logvar is not None,
            "dropped": dropped,
            "labels": cast(list[Json], [name for name in stored.labels if name != "id"]),
            "group": request.group,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": cast(JsonDict, versions()),
        }
        write_json(stage / "codes.json", FORMAT, VERSION, manifest)
    return read_measures(out / "measures.json")


def _given(request: CodesRequest, log: Callable[[str], None]) -> tuple[StoredCodes, Groups | None, int]:
    """Read codes, labels and groups, and leave out what is not finite; say how many codes that were."""
    stored = read_codes(request.path)
    n = len(stored.mean)
    if request.labels is not None:
        stored = replace(stored, labels={**stored.labels, **code_labels(request.labels, n)})
    check_names(request.path, stored.labels)
    groups = None if request.group is None else groups_of(request.group, stored.labels, n)
    log(stored.says)
    # A code that stands out is looked up by its row in the file, which leaving other rows out must not shift.
    stored = replace(stored, labels={"id": pa.chunked_array([pa.array(np.arange(n))]), **stored.labels})
    bad = bad_rows(stored)
    if len(bad) and not request.drop_bad:
        raise CodesError(f"{request.path}: {listed_rows(bad, n)}; --drop-bad leaves them out")
    if len(bad):
        log(f"{request.path}: {listed_rows(bad, n)}: left out")
        groups = None if groups is None else replace(groups, ids=np.delete(groups.ids, bad))
    return without_rows(stored, bad), groups, len(bad)


def _hash(labels: dict[str, pa.ChunkedArray]) -> str:
    table = pa.table(labels).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _points(stored: StoredCodes, columns: dict[str, FloatArray]) -> pa.Table:
    return pa.table({**stored.labels, **{name: pa.array(values) for name, values in columns.items()}})
