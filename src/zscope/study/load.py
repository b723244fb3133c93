"""From folders to the payload: everything is read, nothing is computed but sentences and tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zscope.errors import FormatError, ParameterError
from zscope.runs.formats import read_json
from zscope.runs.ladders import read_ladder, shown_images
from zscope.runs.latents import Latents
from zscope.runs.measured import read_measures, read_null_points
from zscope.runs.run import Run
from zscope.runs.samples import read_samples
from zscope.study import codes
from zscope.study.findings import compare_runs, findings_of
from zscope.study.measure import null_files
from zscope.study.payload import GIVEN, LadderPayload, RunPayload, SamplePayload, SplitPayload, StudyPayload
from zscope.study.sweep import sweep_of
from zscope.study.sweep_words import sweep_findings

MOST_CLASSES = 40
"""A label with more distinct values than this names things (persons, files) rather than classes."""


def load_run(
    run: Run, *, label: str | None = None, samples: Path | None = None, ladder: Path | bool = True
) -> RunPayload:
    """Read one run folder.

    Parameters
    ----------
    run : Run
        The run; what it lacks (measures, samples) is empty in the payload.
    label : str, optional
        The label that colours the maps; by default the first with 2 to 40 classes.
    samples : Path, optional
        The samples folder to read; by default the run's own.
    ladder : Path or bool
        The folder that holds ``ladder.json``; True: the run; False: it is not read.

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
                points = latents.points.take(pa.array(latents.split(name)))
                splits[name] = _split(name, content, points, null_files(run.latents, name))
    if latents is None and label is not None:
        raise ParameterError("label", f"be left out: {run.path} has not been encoded", label)
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
        label_column=None if latents is None else _label_column(latents.points, label),
        ladder=None if latents is None or ladder is False else _ladder(run.path if ladder is True else ladder, latents),
    )


def load_codes(folder: Path, *, label: str | None = None) -> RunPayload:
    """Read a folder of codes that were measured without a run.

    Parameters
    ----------
    folder : Path
        What `zscope.study.codes.measure_file` made.
    label : str, optional
        The label that colours the maps; by default the first with 2 to 40 classes.

    Returns
    -------
    RunPayload
        With one split, and no images.

    Raises
    ------
    FormatError
        A part is missing.
    ParameterError
        There is no such label.
    """
    manifest = read_json(folder / "codes.json", codes.FORMAT, codes.VERSION, codes.KEYS)
    measured = read_measures(folder / "measures.json")
    if not measured:
        raise FormatError(f"{folder} holds no measures.json: measure the codes again")
    try:
        points = pq.read_table(folder / "points.parquet")
    except (OSError, pa.ArrowInvalid) as error:
        raise FormatError(f"{folder / 'points.parquet'}: {str(error).splitlines()[0]}") from None
    none = np.empty((0, 1, 1, 1), np.uint8)
    name = Path(str(manifest["file"])).name
    return RunPayload(
        name=name,
        label=name,
        path=str(folder),
        manifest=dict(manifest),
        history=[],
        originals=none,
        reconstructions=none,
        samples=(),
        splits={GIVEN: _split(GIVEN, measured, points, null_files(folder, codes.NAME))},
        label_column=_label_column(points, label),
    )


def load_study(
    name: str,
    runs: Sequence[Run | RunPayload],
    *,
    label: str | None = None,
    study_file: str | None = None,
    command: str | None = None,
) -> StudyPayload:
    """Bring several runs into one payload, with findings and the table that compares them.

    Parameters
    ----------
    name : str
        Title of the report.
    runs : sequence of Run or RunPayload
        Run folders, or what was read already.
    label : str, optional
        The label that colours the maps of the runs that are read.
    study_file, command : str, optional
        Text of the study's file, and the command that made it.
    """
    loaded = tuple(load_run(run, label=label) if isinstance(run, Run) else run for run in runs)
    sweep = sweep_of(loaded)
    return StudyPayload(
        name=name,
        runs=loaded,
        findings=(*(() if sweep is None else sweep_findings(sweep)), *findings_of(loaded)),
        comparison=compare_runs(loaded),
        study_file=study_file,
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sweep=sweep,
    )


def _ladder(folder: Path, latents: Latents) -> LadderPayload | None:
    """Read a ladder; one of another model than the codes are of, as after further training, is passed over."""
    content = read_ladder(folder / "ladder.json")
    if not content or content["about"]["model"] != latents.manifest["model"]:
        return None
    names = {entry["sampler"]: entry["sampler"] for entry in content["rungs"]}
    names |= {"held_out": "held-out", "reconstructions": "reconstructions", "noise": "noise"}
    return LadderPayload(content, {key: shown_images(folder / "ladder", name) for key, name in names.items()})


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


def _split(name: str, content: dict[str, Any], points: pa.Table, nulls: tuple[Path, Path]) -> SplitPayload:
    measures = {entry["name"]: entry for entry in content["measures"]}
    done = {key: entry for key, entry in measures.items() if "values" in entry}
    return SplitPayload(
        name=name,
        n=content["cloud"]["n"],
        d=content["cloud"]["d"],
        values={key: entry["values"] for key, entry in done.items()},
        tests={key: entry["tests"] for key, entry in done.items() if entry["tests"]},
        verdicts={key: entry["verdict"] for key, entry in done.items() if entry["verdict"]},
        skipped={key: entry["skipped"] for key, entry in measures.items() if "skipped" in entry},
        points={column: _column(points[column]) for column in points.column_names},
        null_points=read_null_points(nulls[0]),
        lineup=read_null_points(nulls[1]),
    )


def _column(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy())
    return np.array(column.to_pylist(), dtype=object)


def _label_column(points: pa.Table, wanted: str | None) -> str | None:
    """Choose the label to colour by: the wanted one, or the first with a few classes."""
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
