"""Hold the codes of several runs against each other: read, matched by image, grouped by model, compared."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np

from zscope.errors import FormatError
from zscope.measures.alike import alikeness
from zscope.measures.space import Space
from zscope.nulls.claims import LEAST_POINTS
from zscope.nulls.same_space import same_space_verdict
from zscope.nulls.seeds import Seeds, SpaceFigures, seed_differences
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.study.alike import ModelPair, NotCompared, RunPair, RunsAlike
from zscope.typing import Progress, silent

_SEED = re.compile(r"(?:[-_. ]+(?:s|seed))?[-_. ]*\d*$")


def alike_runs(
    runs: Sequence[Run],
    *,
    split: str = "train",
    max_images: int = 20_000,
    max_queries: int = 2_000,
    seed: int = 0,
    progress: Progress = silent,
) -> RunsAlike | NotCompared:
    """Hold the codes of several runs against each other, image by image.

    Parameters
    ----------
    runs : sequence of Run
        What has not been encoded is left out, and said; nothing is encoded here.
    split : str
        ``train`` or ``held-out``.
    max_images, max_queries : int
        With more images in common so many are chosen at random, and at most so many are asked for their neighbours.
    seed : int
        Of that choice.
    progress : Progress
        Told after each run and each pair.

    Returns
    -------
    RunsAlike or NotCompared
        The latter where fewer than two runs have been encoded, they are of different images, or have fewer than 50 in
        common.

    Raises
    ------
    FormatError
        If an image's name occurs twice in a run, so that it cannot be told which is which.
    """
    encoded = [run for run in runs if (run.latents / "manifest.json").exists()]
    missing = [f"{run.name} has not been encoded (zscope encode {run.path})" for run in runs if run not in encoded]
    if len(encoded) < 2:
        return NotCompared("; ".join(missing) or "it takes two runs")
    for run in encoded[1:]:
        if run.data["hash"] != encoded[0].data["hash"]:
            return NotCompared(
                f"{encoded[0].name} and {run.name} are of different images (data {encoded[0].data['hash'][:12]} and "
                f"{run.data['hash'][:12]}), and only codes of the same images can be held against each other"
            )
    spaces, common = _spaces(encoded, split, max_images, max_queries, seed)
    if common < LEAST_POINTS:
        return NotCompared(f"the runs have {common} {split} images in common, it takes {LEAST_POINTS}")
    models, repeated = group_by_seed(encoded)
    pairs = _all_pairs(spaces, progress)
    found = RunsAlike(
        names=tuple(run.name for run in encoded),
        seeds=tuple(_seed(run) for run in encoded),
        peaks=tuple(space.peak for space in spaces),
        models=models,
        pairs=pairs,
        between=(),
        split=split,
        n=spaces[0].n,
        of=common,
        queries=min(max_queries, spaces[0].n),
        k=spaces[0].neighbours.indices.shape[1],
        notes=(*missing, *repeated),
    )
    return replace(found, between=_between(found))


def _spaces(runs: Sequence[Run], split: str, max_images: int, max_queries: int, seed: int) -> tuple[list[Space], int]:
    """Read the codes of the images that all runs have encoded, in one random order; none where they are too few."""
    read = [Latents.open(run.latents) for run in runs]
    rows = [latents.split(split) for latents in read]
    names = [
        np.asarray(latents.points["id"].to_pylist(), dtype=str)[own] for latents, own in zip(read, rows, strict=True)
    ]
    for run, own in zip(runs, names, strict=True):
        if len(np.unique(own)) < len(own):
            raise FormatError(f"{run.latents / 'points.parquet'}: an id occurs twice, so images cannot be matched")
    common = reduce(np.intersect1d, names)
    if len(common) < LEAST_POINTS:
        return [], len(common)
    chosen = np.random.default_rng(seed).permutation(common)[:max_images]
    spaces = []
    for latents, own, called in zip(read, rows, names, strict=True):
        order = np.argsort(called)
        codes = latents.mean(own[order[np.searchsorted(called, chosen, sorter=order)]])
        spaces.append(Space.of(codes, max_queries))
    return spaces, len(common)


def _all_pairs(spaces: Sequence[Space], progress: Progress) -> tuple[RunPair, ...]:
    places = list(combinations(range(len(spaces)), 2))
    pairs = []
    for done, (one, other) in enumerate(places, start=1):
        pairs.append(RunPair(one, other, alikeness(spaces[one], spaces[other])))
        progress("pairs of runs", done, len(places))
    return tuple(pairs)


def _between(found: RunsAlike) -> tuple[ModelPair, ...]:
    figures = SpaceFigures(found.directed(), found.table(lambda pair: pair.overlap), np.array(found.peaks))
    made = []
    for one, other in combinations(found.models, 2):
        differences = tuple(seed_differences(one, other, figures))
        made.append(ModelPair(one, other, differences, same_space_verdict(one, other, differences)))
    return tuple(made)


def group_by_seed(runs: Sequence[Run]) -> tuple[tuple[Seeds, ...], tuple[str, ...]]:
    """Group runs that differ in nothing but the seed.

    Parameters
    ----------
    runs : sequence of Run
        Of the same images.

    Returns
    -------
    models : tuple of Seeds
        In the order of their first runs.
    repeated : tuple of str
        Which runs repeat the seed of another of their model; they stand in no model, since they tell nothing of seeds.
    """
    groups: dict[str, dict[int, int]] = {}
    repeated = []
    for place, run in enumerate(runs):
        seeds = groups.setdefault(_without_seed(run), {})
        seed = _seed(run)
        if seed in seeds:
            repeated.append(f"{run.name} repeats {runs[seeds[seed]].name}, seed and all, and decides nothing")
        else:
            seeds[seed] = place
    members = [[runs[place].name for place in seeds.values()] for seeds in groups.values()]
    models = tuple(
        Seeds(name, tuple(seeds.values()), tuple(seeds))
        for name, seeds in zip(_model_names(members), groups.values(), strict=True)
    )
    return models, tuple(repeated)


def _seed(run: Run) -> int:
    return int(run.config["training"]["seed"])


def _without_seed(run: Run) -> str:
    config: dict[str, Any] = {**run.config, "training": {**run.config["training"], "seed": None}}
    return json.dumps(config, sort_keys=True)


def _model_names(members: Sequence[Sequence[str]]) -> list[str]:
    """Call a model by its run's name; by what the names of several begin with, where that is clear enough."""
    starts = [_SEED.sub("", _common_start(names)) for names in members]
    taken = [*starts, *(name for names in members for name in names)]
    return [
        names[0]
        if len(names) == 1
        else start
        if start and taken.count(start) == 1
        else f"{names[0]} and its other seeds"
        for names, start in zip(members, starts, strict=True)
    ]


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    same = [one == other for one, other in zip(first, last, strict=False)]
    return first[: [*same, False].index(False)]
