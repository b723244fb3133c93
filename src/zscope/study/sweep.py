"""The sweep of a KL weight: figures by weight and seed, where random codes start to decode, and what it costs.

All figures are read from what runs hold already: losses, ``measures.json`` and ``ladder.json``.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, cast

from zscope.study.losses import kept_losses
from zscope.study.payload import RunPayload
from zscope.study.repeats import Repeat, Repeats, repeats_of
from zscope.study.transition import BySeed, Crossing, collapse, decoding
from zscope.typing import JsonDict

QUANTITIES: tuple[tuple[str, str, str], ...] = (
    ("reconstruction", "reconstruction", "nats per image"),
    ("kl", "KL", "nats per image"),
    ("mutual_information", "mutual information", "nats"),
    ("marginal_kl", "distance from the prior", "nats"),
    ("radius", "radius, peak", "latent units"),
    ("active", "active units", ""),
    ("relative_normal", "as near as reconstructions, N(0, I)", "share"),
    ("relative_fitted", "as near as reconstructions, fitted sampler", "share"),
    ("relative_noise", "as near as reconstructions, noise", "share"),
    ("meaningful_normal", "meaningful, N(0, I)", "share"),
    ("meaningful_fitted", "meaningful, fitted sampler", "share"),
    ("meaningful_reconstructions", "meaningful, reconstructions", "share"),
    ("fd_normal", "FD, N(0, I)", ""),
    ("fd_fitted", "FD, fitted sampler", ""),
    ("fd_reconstructions", "FD, reconstructions", ""),
)
"""Figures of a run: name, words and unit."""

_SCORES = {"relative": "meaningful_of_reconstructions", "meaningful": "meaningful", "fd": "fd"}
"""Scores of a ladder by the first word of the quantities that hold them."""

LEAST_WEIGHTS = 3
"""KL weights from which on runs are a sweep: between two of them no transition can be placed."""

OWN = {"model": ("beta",), "training": ("seed", "init_seed", "started_from")}
"""Parts of a configuration in which the runs of a curve may differ: the weight, and seeds."""


@dataclass(frozen=True)
class SweepRow:
    """Figures of one run.

    Attributes
    ----------
    run : str
        Its name.
    weight : float
        The KL weight, by the name of the sweep (see `Sweep`).
    seed : str
        Its seed, with what its weights began from where that is another seed's.
    values : dict of str to float or None
        By the names of `QUANTITIES`; None where it was not measured. Losses are of held-out images where there are any.
    fitted : str or None
        The fitted sampler: the recommended one, or ``covariance`` where none is.
    """

    run: str
    weight: float
    seed: str
    values: dict[str, float | None]
    fitted: str | None


@dataclass(frozen=True)
class Cost:
    """What the KL weight costs: median over seeds, then the smallest and the largest, in nats per image.

    Attributes
    ----------
    weight, against : float
        The weight, and the smallest one of the sweep, with which it is compared seed by seed.
    reconstruction : tuple of (float, float, float)
        By how much reconstruction is worse.
    kl, kl_against : float
        Median KL at both.
    seeds : int
        Seeds that have runs at both weights.
    """

    weight: float
    against: float
    reconstruction: tuple[float, float, float]
    kl: float
    kl_against: float
    seeds: int


@dataclass(frozen=True)
class SweepCurve:
    """Runs that differ by the KL weight and the seed only.

    Attributes
    ----------
    label : str
        What sets them apart from other curves; empty where there is one.
    dimensions : int
        Latent dimensions.
    rows : tuple of SweepRow
        By weight, then in the order of the study.
    decodes : Crossing
        The weight from which on codes from N(0, I) decode; not asked of models with another prior.
    collapses : Crossing
        The weight from which on units have collapsed.
    cost : Cost or None
        What that first weight costs, or where it is not known the second; None where neither is, or it is the smallest.
    """

    label: str
    dimensions: int
    rows: tuple[SweepRow, ...]
    decodes: Crossing
    collapses: Crossing
    cost: Cost | None

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights, ascending."""
        return tuple(sorted({row.weight for row in self.rows}))

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds, in the order of the rows."""
        return tuple(dict.fromkeys(row.seed for row in self.rows))

    def by_seed(self, name: str) -> BySeed:
        """Give a figure by weight and seed, without what was not measured."""
        return _by_seed(self.rows, name)

    def middle(self, name: str, weight: float) -> float | None:
        """Give the median of a figure over seeds at a weight; None where no seed has it."""
        found = self.by_seed(name)[weight]
        return median(found.values()) if found else None


@dataclass(frozen=True)
class Sweep:
    """What a study with several weights or seeds found.

    Attributes
    ----------
    name : {"beta", "fact"}
        By which name weights go: ``fact`` (beta / channels) for colour images.
    split : str
        Of which images losses are: ``held-out``, or ``train`` where a run has none.
    curves : tuple of SweepCurve
        Empty where no weight is swept.
    repeats : tuple of Repeats
        Runs that differ by their seed only; empty where there are none.
    """

    name: str
    split: str
    curves: tuple[SweepCurve, ...]
    repeats: tuple[Repeats, ...]

    def as_json(self) -> JsonDict:
        """Give the sweep for ``--json``."""
        return {
            "weight": self.name,
            "split": self.split,
            "units": {name: unit for name, _, unit in QUANTITIES},
            "curves": [
                {
                    "label": curve.label,
                    "dimensions": curve.dimensions,
                    "decodes": curve.decodes.as_json(),
                    "collapses": curve.collapses.as_json(),
                    "cost": None if curve.cost is None else cast(JsonDict, asdict(curve.cost)),
                    "rows": [cast(JsonDict, asdict(row)) for row in curve.rows],
                }
                for curve in self.curves
            ],
            "repeats": [repeats.as_json() for repeats in self.repeats],
        }


def sweep_of(runs: Sequence[RunPayload]) -> Sweep | None:
    """Gather what a sweep found; runs that lack a ladder or measures lack these figures.

    Parameters
    ----------
    runs : sequence of RunPayload
        In the study's order.

    Returns
    -------
    Sweep or None
        None where no weight has `LEAST_WEIGHTS` values and no two runs differ by their seed only.
    """
    trained = [run for run in runs if run.trained and run.history]
    if not trained:
        return None
    split = "held-out" if all(kept_losses(run, "held-out") for run in trained) else "train"
    groups = _groups([run for run in trained if run.kind != "ae"], OWN)
    swept = [group for group in groups if len({_weight(run) for run in group}) >= LEAST_WEIGHTS]
    labels = _labels(swept)
    curves = tuple(_curve(label, group, split) for label, group in zip(labels, swept, strict=True))
    repeats = tuple(_repeats(trained, split))
    if not curves and not repeats:
        return None
    return Sweep("fact" if _channels(trained[0]) > 1 else "beta", split, curves, repeats)


def _curve(label: str, runs: Sequence[RunPayload], split: str) -> SweepCurve:
    distinct = {(_weight(run), _seed(run)): run for run in reversed(runs)}
    rows = tuple(sorted((_row(run, split) for run in reversed(distinct.values())), key=lambda row: row.weight))
    dimensions = int(_model(runs[0])["z_dim"])

    prior = _model(runs[0]).get("prior", {"name": "normal"})["name"]
    if prior == "normal":
        shares, noise = (_by_seed(rows, f"relative_{key}") for key in ("normal", "noise"))
        decodes = decoding(shares, noise, _by_seed(rows, "active"))
        if decodes.state == "not measured" and any(_by_seed(rows, "meaningful_reconstructions").values()):
            decodes = Crossing("not measured", why="N(0, I) was not scored")
    else:
        decodes = Crossing("not measured", why=f"the prior of these models is {prior}")
    collapses = collapse(_by_seed(rows, "active"), dimensions)
    return SweepCurve(label, dimensions, rows, decodes, collapses, _cost(rows, decodes, collapses))


def _cost(rows: Sequence[SweepRow], decodes: Crossing, collapses: Crossing) -> Cost | None:
    weight = next((found.weight for found in (decodes, collapses) if found.known), None)
    least = rows[0].weight
    if weight is None or weight == least:
        return None
    losses, kl = _by_seed(rows, "reconstruction"), _by_seed(rows, "kl")
    more = [losses[weight][seed] - losses[least][seed] for seed in losses[weight] if seed in losses[least]]
    if not more:
        return None
    middle, before = (median(kl[at].values()) for at in (weight, least))
    return Cost(weight, least, (median(more), min(more), max(more)), middle, before, len(more))


def _row(run: RunPayload, split: str) -> SweepRow:
    last = kept_losses(run, split) or {}
    measured = {} if run.first is None else run.first.values
    surgery = measured.get("prior", {}).get("surgery") or {}
    values: dict[str, float | None] = {
        "reconstruction": last.get("reconstruction"),
        "kl": last.get("kl"),
        "mutual_information": surgery.get("mutual_information"),
        "marginal_kl": surgery.get("marginal_kl"),
        "radius": measured.get("radius", {}).get("peak"),
        "active": measured.get("activity", {}).get("active"),
    }
    content = {} if run.ladder is None else run.ladder.content
    rungs = {entry["sampler"]: entry for entry in content.get("rungs", ())}
    fitted = next((name for name in (content.get("recommended"), "covariance") if name in rungs), None)
    entries = {"normal": rungs.get("normal"), "fitted": rungs.get(fitted), **content.get("reference", {})}
    for name, _, _ in QUANTITIES:
        score, _, key = name.partition("_")
        if score in _SCORES:
            values[name] = _score(entries.get(key) or {}, _SCORES[score])
    return SweepRow(run.name, _weight(run), _seed(run), values, fitted)


def _score(entry: dict[str, Any], name: str) -> float | None:
    score = entry.get(name)
    return None if score is None else float(score["value"])


def _repeats(runs: Sequence[RunPayload], split: str) -> Iterator[Repeats]:
    """Hold runs against each other that differ by their seed only, and have been measured."""
    groups = [group for group in _groups(runs, {"training": OWN["training"]}) if len(group) > 1]
    for group, label in zip(groups, _labels(groups), strict=True):
        found = []
        for run in group:
            radius = None if run.first is None else run.first.values.get("radius", {}).get("mean")
            if radius is not None:
                found.append(Repeat(run.name, float((kept_losses(run, split) or {})["total"]), float(radius)))
        if len(found) > 1:
            dimensions = None if group[0].kind == "ae" else int(_model(group[0])["z_dim"])
            yield repeats_of(", ".join(filter(None, (group[0].label, label))), found, dimensions)


def _groups(runs: Sequence[RunPayload], without: dict[str, tuple[str, ...]]) -> list[list[RunPayload]]:
    """Part runs by their images and their configuration, but for what they may differ in."""
    groups: dict[str, list[RunPayload]] = {}
    for run in runs:
        config = {
            part: {key: value for key, value in values.items() if key not in without.get(part, ())}
            for part, values in run.manifest["config"].items()
        }
        key = json.dumps([config, run.manifest.get("data", {}).get("hash")], sort_keys=True)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _labels(groups: Sequence[Sequence[RunPayload]]) -> list[str]:
    """Say what sets groups of runs apart, but for the kind and the weight, which a run's label says."""
    found = [
        {
            f"{part} {key}": value
            for part, values in group[0].manifest["config"].items()
            for key, value in values.items()
        }
        for group in groups
    ]
    told = {"model kind", *(f"{part} {key}" for part, keys in OWN.items() for key in keys)}
    keys = [key for key in dict.fromkeys(key for one in found for key in one) if key not in told]
    apart = [key for key in keys if len({json.dumps(one.get(key), sort_keys=True) for one in found}) > 1]
    return [", ".join(f"{key.partition(' ')[2]} {_words(one.get(key))}" for key in apart) for one in found]


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "×".join(str(part.get("filters", part)) if isinstance(part, dict) else str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _by_seed(rows: Sequence[SweepRow], name: str) -> BySeed:
    table: dict[float, dict[str, float]] = {}
    for row in rows:
        found = table.setdefault(row.weight, {})
        if (one := row.values[name]) is not None:
            found[row.seed] = one
    return table


def _model(run: RunPayload) -> dict[str, Any]:
    return cast(dict[str, Any], run.manifest["config"]["model"])


def _channels(run: RunPayload) -> int:
    return int(_model(run)["shape"][2])


def _weight(run: RunPayload) -> float:
    return float(_model(run)["beta"]) / _channels(run)


def _seed(run: RunPayload) -> str:
    training = run.manifest["config"]["training"]
    began = training.get("started_from"), training.get("init_seed")
    parts = (f"from {began[0]}" if began[0] else "", f"initialised by {began[1]}" if began[1] is not None else "")
    return ", ".join(filter(None, (str(training["seed"]), *parts)))
