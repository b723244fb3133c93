"""From run folders to the payload: everything is read, nothing is computed but sentences and tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from zscope.errors import ParameterError
from zscope.runs.latents import Latents
from zscope.runs.measured import read_measures, read_null_points
from zscope.runs.run import Run
from zscope.runs.samples import read_samples
from zscope.study.findings import compare_runs, findings_of
from zscope.study.payload import RunPayload, SamplePayload, SplitPayload, StudyPayload

MOST_CLASSES = 40
"""A label with more distinct values than this names things (persons, files) rather than classes."""


def load_run(run: Run, *, label: str | None = None, samples: Path | None = None) -> RunPayload:
    """Read one run folder.

    Parameters
    ----------
    run : Run
        The run; what it lacks (measures, samples) is empty in the payload.
    label : str, optional
        The label that colours the maps; by default the first with 2 to 40 classes.
    samples : Path, optional
        The samples folder to read; by default the run's own.

    Raises
    ------
    ParameterError
        There is no such label.
    """
    originals, reconstructions, clouds = _samples(run, samples or run.path / "samples")
    latents = Latents.open(run.latents) if (run.latents / "manifest.json").exists() else None
    measured = read_measures(run.path / "measures.json")
    splits: dict[str, SplitPayload] = {}
    if latents is not None and measured:
        for name, content in (("train", measured), ("held-out", measured.get("held_out"))):
            if content and "measures" in content:
                splits[name] = _split(run, latents, name, content)
    return RunPayload(
        name=run.name,
        label=run.label,
        path=str(run.path),
        manifest=dict(run.manifest),
        history=run.metrics(),
        originals=originals,
        reconstructions=reconstructions,
        samples=clouds,
        splits=splits,
        label_column=_label_column(run, latents, label),
    )


def load_study(
    name: str,
    runs: Sequence[Run],
    *,
    label: str | None = None,
    study_file: str | None = None,
    command: str | None = None,
) -> StudyPayload:
    """Read several runs into one payload, with findings and the table that compares them."""
    loaded = tuple(load_run(run, label=label) for run in runs)
    return StudyPayload(
        name=name,
        runs=loaded,
        findings=findings_of(loaded),
        comparison=compare_runs(loaded),
        study_file=study_file,
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _samples(run: Run, folder: Path) -> tuple[Any, Any, tuple[SamplePayload, ...]]:
    if not (folder / "manifest.json").exists():
        none = np.empty((0, *run.config["model"]["shape"]), np.uint8)
        return none, none, ()
    originals, reconstructions, clouds = read_samples(folder)
    return (
        originals,
        reconstructions,
        tuple(SamplePayload(entry["spec"], entry["label"], entry["keeps"], images) for entry, images in clouds),
    )


def _split(run: Run, latents: Latents, name: str, content: dict[str, Any]) -> SplitPayload:
    rows = latents.split(name)
    measures = {entry["name"]: entry for entry in content["measures"]}
    done = {key: entry for key, entry in measures.items() if "values" in entry}
    table = latents.points.take(pa.array(rows))
    return SplitPayload(
        name=name,
        n=content["cloud"]["n"],
        d=content["cloud"]["d"],
        values={key: entry["values"] for key, entry in done.items()},
        tests={key: entry["tests"] for key, entry in done.items() if entry["tests"]},
        verdicts={key: entry["verdict"] for key, entry in done.items() if entry["verdict"]},
        skipped={key: entry["skipped"] for key, entry in measures.items() if "skipped" in entry},
        points={column: _column(table[column]) for column in table.column_names},
        null_points=read_null_points(Path(run.latents) / f"null-covariance-{name}.parquet"),
    )


def _column(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy())
    return np.array(column.to_pylist(), dtype=object)


def _label_column(run: Run, latents: Latents | None, wanted: str | None) -> str | None:
    """Choose the label to colour by: the wanted one, or the first with a few classes."""
    if latents is None:
        if wanted is not None:
            raise ParameterError("label", f"be left out: {run.path} has not been encoded", wanted)
        return None
    points = latents.points
    labels = [
        name
        for name in points.column_names
        if name not in ("id", "split") and not pa.types.is_floating(points[name].type)
    ]
    if wanted is not None:
        if wanted not in points.column_names:
            raise ParameterError("label", f"be one of {', '.join(labels) or 'none: there are no labels'}", wanted)
        return wanted
    for name in labels:
        if 2 <= len(points[name].drop_null().unique()) <= MOST_CLASSES:
            return str(name)
    return None
