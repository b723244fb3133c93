"""What ``zscope measure`` does: every measure of codes, each held against its nulls."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from zscope import __version__
from zscope.clouds import CovarianceCloud
from zscope.errors import CodesError, ParameterError
from zscope.measures import MEASURES, LatentCodes, LogVarianceMeasure, Measure, Measurement
from zscope.measures.base import MAX_POINTS, MAX_QUERIES
from zscope.measures.planes import lineup_points, plane_projection, project
from zscope.measures.tsne import LEAST_POINTS, SETTINGS, TsneMeasure, tsne_map
from zscope.measures.words import counted
from zscope.nulls import BATTERIES, judge
from zscope.runs.latents import Latents
from zscope.runs.measured import read_measures, write_measures, write_null_points
from zscope.runs.run import Run
from zscope.study.labels import Groups, groups_of
from zscope.typing import FloatArray, Json, JsonDict, Progress, silent

SPLITS = ("train", "held-out")
"""Splits of a run that are measured apart."""

MEASURING_VERSION = 5
"""Goes up whenever a measure, a null or a sentence changes: what an older version measured is then out of date."""

MAP_POINTS = TsneMeasure().max_points
"""With more codes than this, so many are on a map."""


@dataclass(frozen=True)
class MeasureSettings:
    """How codes are measured: the options of ``zscope measure``.

    Attributes
    ----------
    draws : int
        Null clouds of each kind; 0: nothing is tested, maps neither, and no claim about chance is decided.
    seed : int
        Seed of null clouds, k-means and maps.
    points, queries : int
        At most so many codes are held against nulls, and the neighbours of at most so many are looked for.
    maps : bool
        Whether t-SNE maps are made.
    map_draws : int
        Null clouds of each kind that are mapped to decide whether the map has structure; 0: that is not decided.
    map_points : int
        At most so many codes are on a map.
    """

    draws: int = 99
    seed: int = 0
    points: int = MAX_POINTS
    queries: int = MAX_QUERIES
    maps: bool = False
    map_draws: int = 99
    map_points: int = MAP_POINTS

    def check(self) -> None:
        """Check the bounds of all settings; `ParameterError` names the first that is out of them."""
        for name, least in (("draws", 0), ("seed", 0), ("points", 1), ("queries", 1), ("map_draws", 0)):
            if getattr(self, name) < least:
                raise ParameterError(name, f"be at least {least}", getattr(self, name))
        if self.map_points < LEAST_POINTS:
            raise ParameterError("map_points", f"be at least {LEAST_POINTS}", self.map_points)

    def about(self) -> JsonDict:
        """Give what decides what comes out, as ``measures.json`` holds it; without maps there are 0 points on them."""
        own = cast(JsonDict, asdict(self))
        maps = own.pop("maps")
        own |= {} if maps else {"map_points": 0}
        own |= {} if maps and self.draws else {"map_draws": 0}
        return {"zscope": __version__, "measuring": MEASURING_VERSION, **own}


def generator(seed: int, *names: str) -> np.random.Generator:
    """Make a generator that depends on the seed and on what it is for, and on no order of work."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def measure_codes(
    codes: LatentCodes,
    settings: MeasureSettings,
    *,
    split: str,
    measures: Sequence[Measure] = MEASURES,
    progress: Progress = silent,
) -> tuple[JsonDict, dict[str, FloatArray]]:
    """Apply every measure to a cloud of codes and hold what can be tested against its nulls.

    Parameters
    ----------
    codes : LatentCodes
        The codes.
    settings : MeasureSettings
        Checked.
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
        reason = measure.applies(codes) if settings.maps or measure.name != "tsne" else "maps were not asked for"
        if reason is not None:
            skipped[measure.name] = reason
            continue
        own = replace(measure, max_points=settings.map_points) if isinstance(measure, TsneMeasure) else measure
        found[measure.name] = own.measure(codes, generator(settings.seed, split, measure.name), progress)
    judged = _judged(codes, found, settings, split, progress)
    entries: list[Any] = []
    for measure in measures:
        entry: dict[str, Any] = {"name": measure.name, "title": measure.title}
        if measure.name in skipped:
            entry["skipped"] = skipped[measure.name]
        else:
            tests, verdict = judged[measure.name]
            entry["values"] = found[measure.name].values
            entry["tests"] = [test.as_json() for test in tests]
            entry["verdict"] = None if verdict is None else verdict.as_json()
        entries.append(entry)
    columns = {name: values for item in found.values() for name, values in item.points.items()}
    cloud: dict[str, Json] = {"n": codes.n, "d": codes.dimension, "tested": codes.sample.n}
    return {"cloud": cloud, "measures": entries}, cast(dict[str, FloatArray], columns)


def _judged(
    codes: LatentCodes, found: dict[str, Measurement], settings: MeasureSettings, split: str, progress: Progress
) -> dict[str, Any]:
    """Hold measurements against nulls; maps apart, whose nulls have a number of draws of their own."""
    rest = [battery for battery in BATTERIES if battery.measure != "tsne"]
    rng = generator(settings.seed, split, "nulls")
    judged = judge(codes, found, rng, draws=settings.draws, progress=progress, batteries=rest)
    if "tsne" in found:
        maps = [battery for battery in BATTERIES if battery.measure == "tsne"]
        rng = generator(settings.seed, split, "null maps")
        draws = settings.map_draws if settings.draws else 0
        judged |= judge(codes, {"tsne": found["tsne"]}, rng, draws=draws, progress=progress, batteries=maps)
    return judged


def null_points(codes: LatentCodes, settings: MeasureSettings, *, split: str) -> dict[str, FloatArray]:
    """One draw of the ``covariance`` null in the planes of the codes, and with maps its standard t-SNE map.

    Parameters
    ----------
    codes : LatentCodes
        The codes.
    settings : MeasureSettings
        Checked.
    split : str
        Name of the split, part of the seeds.

    Returns
    -------
    dict of str to ndarray
        The plane columns of shape (N,); the map's are NaN beyond its points. Empty where d is 1 or N ≤ d.
    """
    if codes.dimension < 2 or codes.n <= codes.dimension:
        return {}  # measures.json says of the verdicts why there is no such null
    # A covariance draw in d dimensions is distributed in the planes as one that is drawn there, without d columns of N.
    projected = project(codes.mean, plane_projection(codes.mean))
    table = np.stack(list(projected.values()), axis=1)
    drawn = CovarianceCloud().fit(table).draw_matched(codes.n, generator(settings.seed, split, "null points"))
    columns = {name: np.ascontiguousarray(drawn[:, place]) for place, name in enumerate(projected)}
    if settings.maps:
        columns |= _null_map(codes, settings, split)
    return cast(dict[str, FloatArray], columns)


def _null_map(codes: LatentCodes, settings: MeasureSettings, split: str) -> dict[str, NDArray[np.float32]]:
    size = min(settings.map_points, codes.n)
    try:
        cloud = CovarianceCloud().fit(codes.mean).draw_matched(size, generator(settings.seed, split, "null map points"))
    except CodesError:
        return {}  # a map of fewer points than dimensions
    if TsneMeasure().applies(LatentCodes.of(cloud)) is not None:
        return {}
    made = tsne_map(cloud, SETTINGS[0], seed=int(generator(settings.seed, split, "null map").integers(2**31)))
    columns = {}
    for place, letter in enumerate("xy"):
        values = np.full(codes.n, np.nan, np.float32)
        values[:size] = made.coordinates[:, place]
        columns[f"tsne.{SETTINGS[0].name}.{letter}"] = values
    return columns


def write_nulls(folder: Path, codes: LatentCodes, settings: MeasureSettings, *, split: str) -> None:
    """Write what figures show of the null: its points, and the window of the codes hidden among those of the null.

    Parameters
    ----------
    folder : Path
        One that exists; `null_files` says which files.
    codes : LatentCodes
        The codes.
    settings : MeasureSettings
        Checked.
    split : str
        Name of the split, part of the seeds and of the files' names.
    """
    points, lineup = null_files(folder, split)
    write_null_points(points, null_points(codes, settings, split=split))
    hidden = None
    if codes.dimension >= 2:
        # By the codes themselves: were the answer one for all runs, the second lineup would be no riddle any more.
        rng = generator(settings.seed, split, "lineup", str(zlib.crc32(codes.mean.data)))
        hidden = lineup_points(codes.mean, plane_projection(codes.mean), rng)
    write_null_points(lineup, hidden or {})


def null_files(folder: Path, split: str) -> tuple[Path, Path]:
    """Files beside the codes of a split: the null's points, and the lineup of windows."""
    return folder / f"null-covariance-{split}.parquet", folder / f"lineup-{split}.parquet"


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


def _whole(before: dict[str, Any], latents: Latents) -> bool:
    """Whether all that was measured is still with the codes; encoding again leaves neither columns nor null points."""
    files = [file for split in SPLITS if len(latents.split(split)) for file in null_files(latents.path, split)]
    return set(before.get("columns", ())) <= set(latents.points.column_names) and all(file.exists() for file in files)


def model_hash(run: Run) -> str:
    """Identify a run's trained model; torch is loaded for it."""
    from zscope.study import encode

    return encode.model_hash(run)


def measure_run(
    run: Run,
    latents: Latents,
    settings: MeasureSettings | None = None,
    *,
    group: str | None = None,
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
    settings : MeasureSettings, optional
        How to measure.
    group : str, optional
        A label, or a file with one for each code: codes that share it are of one group, such as a person, and
        neighbours are looked for in other groups too.
    force : bool
        Measure again.
    progress, log
        Told of steps, and of lines for people.

    Returns
    -------
    dict
        What ``measures.json`` holds.
    """
    settings = settings or MeasureSettings()
    settings.check()
    groups = None if group is None else groups_of(group, latents.points, len(latents))
    path = run.path / "measures.json"
    about: JsonDict = {**settings.about(), "model": model_hash(run), "precision": latents.manifest["precision"]}
    about["group"] = None if groups is None else groups.about
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
        codes = codes_of(latents, rows, groups, settings)
        log(measuring_words(codes, settings, f"{split} code"))
        measured, columns = measure_codes(codes, settings, split=split, measures=measures_of(run), progress=progress)
        latents.add_columns(columns, rows)
        kept |= set(columns)
        write_nulls(latents.path, codes, settings, split=split)
        if split == "train":
            content.update(measured)
        else:
            content["held_out"] = measured
    content["columns"] = cast(list[Json], sorted(kept))
    write_measures(path, content)
    return read_measures(path)


def codes_of(
    latents: Latents, rows: NDArray[np.int64], groups: Groups | None, settings: MeasureSettings
) -> LatentCodes:
    """Codes of a split as measures take them."""
    return LatentCodes.of(
        latents.mean(rows),
        latents.logvar(rows),
        None if groups is None else groups.ids[rows],
        max_points=settings.points,
        max_queries=settings.queries,
    )


def measuring_words(codes: LatentCodes, settings: MeasureSettings, noun: str = "code") -> str:
    """Say what is measured, and how many of the codes are held against nulls where these are not all."""
    tested = f", {settings.points:,} of them against nulls" if settings.points < codes.n else ""
    return f"measuring {counted(codes.n, noun)} of {counted(codes.dimension, 'dimension')}{tested}"
