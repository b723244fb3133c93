"""What ``zscope measure`` does: every measure on the training and on the held-out codes, each against its null."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from zscope import __version__
from zscope.clouds import CovarianceCloud
from zscope.errors import CodesError
from zscope.measures import MEASURES, LatentCodes, LogVarianceMeasure, Measure, Measurement
from zscope.measures.planes import plane_projection, project
from zscope.measures.tsne import SETTINGS, TsneMeasure, tsne_map
from zscope.measures.words import counted
from zscope.nulls import judge
from zscope.runs.latents import Latents
from zscope.runs.measured import read_measures, write_measures, write_null_points
from zscope.runs.run import Run
from zscope.study.encode import model_hash
from zscope.typing import FloatArray, Json, JsonDict, Progress, silent

SPLITS = ("train", "held-out")
"""Splits that are measured apart."""

MEASURING_VERSION = 2
"""Goes up whenever a measure, a null or a sentence changes: what an older version measured is then out of date."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """Make a generator that depends on the seed and on what it is for, and on no order of work."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def measure_codes(
    codes: LatentCodes,
    *,
    draws: int,
    seed: int,
    split: str,
    measures: Sequence[Measure] = MEASURES,
    progress: Progress = silent,
) -> tuple[JsonDict, dict[str, FloatArray]]:
    """Apply every measure to a cloud of codes and hold what can be tested against its null.

    Parameters
    ----------
    codes : LatentCodes
        The codes.
    draws : int
        Null clouds, at least 1.
    seed : int
        Seed of everything random.
    split : str
        Name of the split, part of the seeds.
    measures : sequence of Measure
        What to measure.
    progress : Progress
        Told of every step.

    Returns
    -------
    content : dict
        ``cloud`` and ``measures`` as ``measures.json`` holds them.
    columns : dict of str to ndarray of shape (N,)
        What the measures keep with each point.
    """
    found: dict[str, Measurement] = {}
    skipped: dict[str, str] = {}
    for position, measure in enumerate(measures):
        progress(f"measuring {measure.title}", position, len(measures))
        reason = measure.applies(codes)
        if reason is not None:
            skipped[measure.name] = reason
            continue
        found[measure.name] = measure.measure(codes, generator(seed, split, measure.name))
    judged = judge(codes, found, generator(seed, split, "nulls"), draws=draws, progress=progress)
    entries: list[Any] = []
    for measure in measures:
        entry: dict[str, Any] = {"name": measure.name, "title": measure.title}
        if measure.name in skipped:
            entry["skipped"] = skipped[measure.name]
        else:
            tests, verdict = judged.get(measure.name, ([], None))
            entry["values"] = found[measure.name].values
            entry["tests"] = [test.as_json() for test in tests]
            entry["verdict"] = None if verdict is None else verdict.as_json()
        entries.append(entry)
    columns = {name: values for item in found.values() for name, values in item.points.items()}
    return {"cloud": {"n": codes.n, "d": codes.dimension}, "measures": entries}, cast(dict[str, FloatArray], columns)


def measures_of(run: Run) -> tuple[Measure, ...]:
    """All measures; the one that draws from the posteriors draws with the noise of the run's model.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    tuple of Measure
        In the order of the report.
    """
    model = run.config["model"]
    own = {
        "clip": model.get("eps_clip", LogVarianceMeasure.clip),
        "factor": model.get("eps_factor", LogVarianceMeasure.factor),
    }
    return tuple(replace(one, **own) if isinstance(one, LogVarianceMeasure) else one for one in MEASURES)


def _null_file(latents: Latents, split: str) -> Path:
    return latents.path / f"null-covariance-{split}.parquet"


def _whole(before: dict[str, Any], latents: Latents) -> bool:
    """Whether all that was measured is still with the codes; encoding again leaves neither columns nor null points."""
    nulls = [_null_file(latents, split) for split in SPLITS if len(latents.split(split))]
    return set(before.get("columns", ())) <= set(latents.points.column_names) and all(file.exists() for file in nulls)


def null_points(codes: LatentCodes, *, seed: int, split: str, map_points: int) -> dict[str, FloatArray]:
    """One draw of the ``covariance`` null in the planes of the codes, and its standard t-SNE map.

    Returns
    -------
    dict of str to ndarray
        The plane columns of shape (N,); the map's are NaN beyond its points. Empty where d is 1 or N ≤ d.
    """
    try:
        cloud = CovarianceCloud().fit(codes.mean).draw_matched(codes.n, generator(seed, split, "null points"))
    except CodesError:
        return {}  # measures.json says of the radius why there is no such null
    if codes.dimension < 2:
        return {}
    columns = dict(project(cloud, plane_projection(codes.mean)))
    size = min(map_points, codes.n)
    if TsneMeasure().applies(LatentCodes.of(cloud[:size])) is None:
        made = tsne_map(cloud[:size], SETTINGS[0], seed=int(generator(seed, split, "null map").integers(2**31)))
        for column, letter in enumerate("xy"):
            values = np.full(codes.n, np.nan, np.float32)
            values[:size] = made.coordinates[:, column]
            columns[f"tsne.{SETTINGS[0].name}.{letter}"] = values
    return cast(dict[str, FloatArray], columns)


def measure_run(
    run: Run,
    latents: Latents,
    *,
    draws: int = 99,
    seed: int = 0,
    force: bool = False,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure a run's codes into ``measures.json``, or read it where it is up to date.

    Parameters
    ----------
    run : Run
        The run.
    latents : Latents
        Its codes.
    draws : int
        Null clouds a test.
    seed : int
        Seed of null clouds, k-means and maps.
    force : bool
        Measure again.
    progress, log
        Told of steps, and of lines for people.

    Returns
    -------
    dict
        What ``measures.json`` holds.
    """
    path = run.path / "measures.json"
    about: JsonDict = {"zscope": __version__, "model": model_hash(run), "draws": draws, "seed": seed}
    about |= {"precision": latents.manifest["precision"], "measuring": MEASURING_VERSION}
    before = read_measures(path)
    if before and not force and before.get("about") == about and _whole(before, latents):
        log(f"{path}: up to date")
        return before
    content: JsonDict = {"about": about}
    kept: set[str] = set()
    for split in SPLITS:
        rows = latents.split(split)
        if not len(rows):
            continue
        codes = LatentCodes.of(latents.mean(rows), latents.logvar(rows))
        log(f"measuring {counted(codes.n, f'{split} code')} of {counted(codes.dimension, 'dimension')}")
        measured, columns = measure_codes(
            codes, draws=draws, seed=seed, split=split, measures=measures_of(run), progress=progress
        )
        latents.add_columns(columns, rows)
        kept |= set(columns)
        write_null_points(
            _null_file(latents, split),
            null_points(codes, seed=seed, split=split, map_points=TsneMeasure().max_points),
        )
        if split == "train":
            content.update(measured)
        else:
            content["held_out"] = measured
    content["columns"] = cast(list[Json], sorted(kept))
    write_measures(path, content)
    return read_measures(path)
