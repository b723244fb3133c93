"""Payloads of linear autoencoders in closed form: real codes, real measures, real nulls, and no training."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from zscope.clouds import CovarianceCloud, cloud
from zscope.measures import (
    ActivityMeasure,
    AxesMeasure,
    DivergenceMeasure,
    InertiaMeasure,
    LatentCodes,
    LogVarianceMeasure,
    PlanesMeasure,
    PrincipalComponentsMeasure,
    RadiusMeasure,
    TsneMeasure,
)
from zscope.measures.planes import lineup_points, plane_projection, project
from zscope.measures.tsne import MapSetting, tsne_map
from zscope.nulls import BATTERIES, judge
from zscope.study.findings import compare_runs, findings_of
from zscope.study.payload import LadderPayload, RunPayload, SamplePayload, SplitPayload, StudyPayload

CLOUDS = ("normal", "uniform:2", "axes", "covariance", "mixture:4")
FDS = {"uniform:2": 60.0, "normal": 55.0, "axes": 20.0, "covariance": 8.0, "mixture": 1.4}
QUICK = (MapSetting("standard", iterations=300), MapSetting("pc2", components=2, iterations=300))


@dataclass(frozen=True)
class Recipe:
    """What a payload is made of."""

    measures: tuple[Any, ...] = (
        RadiusMeasure(),
        AxesMeasure(),
        ActivityMeasure(),
        DivergenceMeasure(),
        LogVarianceMeasure(),
        PrincipalComponentsMeasure(),
        PlanesMeasure(draws=9),
        InertiaMeasure(most=10),
        TsneMeasure(settings=QUICK),
    )
    clouds: tuple[str, ...] = CLOUDS
    draws: int = 19
    shown: int = 12
    columns: dict[str, np.ndarray] = field(default_factory=dict)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8, 1) as uint8, and labels."""
    bunch = load_digits()
    return np.round(bunch.images[..., None] * 255 / 16).astype(np.uint8), bunch.target


class LinearModel:
    """Linear autoencoder, or linear variational autoencoder at its optimum (Lucas et al. 2019)."""

    def __init__(self, images: np.ndarray, d: int, noise: float | None) -> None:
        self.shape = images.shape[1:]
        flat = images.reshape(len(images), -1) / 255.0
        self.centre = flat.mean(0)
        variances, vectors = np.linalg.eigh(np.cov(flat.T, ddof=0))
        self.directions = vectors[:, ::-1][:, :d].T
        scale = variances[::-1][:d]
        if noise is None:
            self.gain, self.logvar = np.ones(d), None
        else:
            signal = np.sqrt(np.maximum(scale - noise, 0))
            self.gain = signal / scale
            self.logvar = np.where(scale > noise, np.log(noise / scale), 0.0)
        self.back = self.gain if noise is None else signal

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        codes = (images.reshape(len(images), -1) / 255.0 - self.centre) @ self.directions.T * self.gain
        logvar = None if self.logvar is None else np.tile(self.logvar, (len(codes), 1)).astype(np.float32)
        return codes.astype(np.float32), logvar

    def decode(self, codes: np.ndarray) -> np.ndarray:
        flat = (codes * self.back) @ self.directions + self.centre
        return np.round(np.clip(flat, 0, 1) * 255).astype(np.uint8).reshape(-1, *self.shape)


def split_payload(name: str, codes: LatentCodes, labels: dict[str, np.ndarray], recipe: Recipe) -> SplitPayload:
    rng = np.random.default_rng(7)
    skipped = {m.name: reason for m in recipe.measures if (reason := m.applies(codes)) is not None}
    found = {m.name: m.measure(codes, rng) for m in recipe.measures if m.name not in skipped}
    batteries = [battery for battery in BATTERIES if battery.measure != "tsne"]  # a map a draw takes too long here
    judged = judge(codes, found, rng, draws=recipe.draws, batteries=batteries)
    points = dict(labels)
    for measurement in found.values():
        points.update(measurement.points)
    null_points: dict[str, np.ndarray] = {}
    lineup = None
    if "planes" in found:
        lineup = lineup_points(codes.mean, plane_projection(codes.mean), np.random.default_rng(5))
    if codes.n > codes.dimension and "planes" in found:
        null = CovarianceCloud().fit(codes.mean).draw_matched(codes.n, rng)
        null_points.update(project(null, plane_projection(codes.mean)))
        tsne = next((m for m in recipe.measures if m.name == "tsne" and m.name in found), None)
        if tsne is not None:
            size = min(codes.n, tsne.max_points)
            made = tsne_map(null[:size], tsne.settings[0], 3)
            for column, letter in enumerate("xy"):
                whole = np.full(codes.n, np.nan, np.float32)
                whole[:size] = made.coordinates[:, column]
                null_points[f"tsne.standard.{letter}"] = whole
    return SplitPayload(
        name=name,
        n=codes.n,
        d=codes.dimension,
        values={key: dict(m.values) for key, m in found.items()},
        tests={key: [dict(test.as_json()) for test in tests] for key, (tests, _) in judged.items() if tests},
        verdicts={key: dict(v.as_json()) for key, (_, v) in judged.items() if v is not None},
        skipped=skipped,
        points=points,
        null_points=null_points,
        lineup=lineup or {},
    )


def history(epochs: int, kl: float, channels: int, beta: float) -> list[dict[str, Any]]:
    records = []
    for epoch in range(1, epochs + 1):
        for split, extra in (("train", 0.0), ("held-out", 1.5)):
            reconstruction = 70 + 60 / epoch + extra
            now = kl * (1 - 0.6 / epoch)
            records.append(
                {
                    "step": epoch * 10,
                    "epoch": epoch,
                    "split": split,
                    "total": reconstruction + beta * now,
                    "reconstruction": reconstruction,
                    "kl": now,
                    "total_per_channel": (reconstruction + beta * now) / channels,
                    "reconstruction_per_channel": reconstruction / channels,
                    "seconds": 1.5 * epoch,
                }
            )
    return records


def run_payload(
    name: str,
    label: str,
    images: np.ndarray,
    labels: dict[str, np.ndarray],
    *,
    d: int,
    noise: float | None,
    beta: float = 1.0,
    held_out: int,
    recipe: Recipe,
    label_column: str | None,
) -> RunPayload:
    train, other = images[: len(images) - held_out], images[len(images) - held_out :]
    model = LinearModel(train, d, noise)
    splits = {}
    for split, part, rows in (
        ("train", train, slice(0, len(train))),
        ("held-out", other, slice(len(train), len(images))),
    ):
        if len(part):
            codes = LatentCodes.of(*model.encode(part))
            splits[split] = split_payload(split, codes, {k: v[rows] for k, v in labels.items()}, recipe)
    rng = np.random.default_rng(11)
    codes = model.encode(train)[0]
    samples = []
    for spec in recipe.clouds:
        made = cloud(spec).fit(codes)
        drawn = made.draw(recipe.shown, rng)
        samples.append(SamplePayload(made.spec, made.label, made.keeps, model.decode(drawn)))
    originals = (other if held_out else train)[: recipe.shown]
    channels = images.shape[-1]
    manifest = {
        "source": "digits",
        "config": {
            "model": {
                "kind": "ae" if noise is None else "vae",
                "shape": list(images.shape[1:]),
                "z_dim": d,
                "beta": 0.0 if noise is None else beta,
                "likelihood": "bernoulli",
                "layers": [{"filters": 32, "stride": 1, "kernel": 3}],
                "extra_dense": [],
                "batch_norm": False,
            },
            "training": {
                "epochs": 12,
                "batch": 128,
                "learning_rate": 5e-4,
                "seed": 0,
                "precision": "fp32",
                "limit": None,
            },
        },
        "data": {"hash": "751238493922a373", "count": len(images), "shape": list(images.shape[1:]), "limit": None,
                 "train": len(train), "held_out": held_out, "store": "store/digits"},
        "hash": "9c1be558766730bf",
        "seed": 0,
        "state": "finished",
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"zscope": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "torch": "2.13.0"},
        "parameters": 12345,
    }  # fmt: skip
    return RunPayload(
        name=name,
        label=label,
        path=f"runs/{name}",
        manifest=manifest,
        history=history(12, 0.0 if noise is None else 30.0 if noise > 1e-3 else 1800.0, channels, beta),
        originals=originals,
        reconstructions=model.decode(model.encode(originals)[0]),
        samples=tuple(samples),
        splits=splits,
        label_column=label_column,
    )


def study_payload(name: str, runs: tuple[RunPayload, ...]) -> StudyPayload:
    return StudyPayload(
        name=name,
        runs=runs,
        findings=findings_of(runs),
        comparison=compare_runs(runs),
        study_file="name: three models\nsource: digits\nruns:\n  - model: ae\n",
        command="zscope study three.yaml",
        created="2026-01-02T03:04:05+00:00",
    )


def three_runs(
    images: np.ndarray,
    labels: dict[str, np.ndarray],
    label_column: str | None,
    *,
    d: int,
    held_out: int,
    recipe: Recipe,
) -> tuple[RunPayload, ...]:
    """An AE, a VAE with a vanishing KL and one with a real KL."""
    common = {"d": d, "held_out": held_out, "recipe": recipe, "label_column": label_column}
    return (
        run_payload("digits-ae", "AE", images, labels, noise=None, **common),
        run_payload("digits-tiny", "VAE, beta 1e-05", images, labels, noise=1e-6, beta=1e-5, **common),
        run_payload("digits-vae", "VAE, beta 1", images, labels, noise=0.03, beta=1.0, **common),
    )


@cache
def digit_runs() -> tuple[RunPayload, ...]:
    images, labels = digits()
    return three_runs(images[:400], {"digit": labels[:400]}, "digit", d=16, held_out=100, recipe=Recipe())


def score(value, width=0.1):
    return {"value": value, "low": value * (1 - width), "high": value * (1 + width)}


def made_ladder(where=True):
    digits = np.round(load_digits().images[..., None] * 255 / 16).astype(np.uint8)
    rungs = [
        {"sampler": name, "label": name, "keeps": "", "fd": score(fd), "meaningful": score(0.9 / (1 + fd / 10))}
        for name, fd in FDS.items()
    ]
    reference = {"held_out": 0.2, "reconstructions": 0.5, "noise": 300.0}
    predictors = [
        {"predictor": "neighbour_distance", "says": "mean distance to the nearest codes", "auc": score(0.85, 0.04)},
        {"predictor": "radius", "says": "distance from the origin", "auc": score(0.53, 0.1)},
    ]
    content = {
        "n": 1000,
        "n_references": 360,
        "codes": 1437,
        "rungs": rungs,
        "left_out": [{"sampler": "flow", "why": "too few codes"}],
        "reference": {name: {"fd": score(fd)} for name, fd in reference.items()},
        "steps": [],
        "says": "The shape of the cloud is what matters.",
        "more": "No difference seen: the covariance.",
        "recommended": "mixture",
        "why": "mixture has the lowest FD, 1.4.",
        "where": predictors if where else [],
        "where_n": {"codes": 5000, "meaningful": 1500, "samplers": list(FDS)},
        "where_left_out": None if where else "3 of 5000 images are meaningful, and at least 10 of each are needed",
        "about": {"model": "m"},
    }
    images = {name: digits[20 * place : 20 * place + 16] for place, name in enumerate((*reference, *FDS))}
    return LadderPayload(content, images)


@cache
def payloads() -> dict[str, RunPayload]:
    """Runs that lack one thing or another; the tiny one has twelve images, one dimension, no labels, none held out."""
    runs = digit_runs()
    train = runs[1].splits["train"]
    points = {name: column for name, column in train.points.items() if name != "digit"}
    none = np.empty((0, 8, 8, 1), np.uint8)
    bare: dict[str, Any] = {"splits": {}, "samples": (), "originals": none, "reconstructions": none, "history": []}
    images, _ = digits()
    few = Recipe(clouds=("normal", "covariance"), shown=3)
    return {
        "ae": runs[0],
        "vae": replace(runs[2], ladder=made_ladder()),
        "unlabelled": replace(
            runs[1], label_column=None, splits={"train": replace(train, points=points, null_points={})}
        ),
        "tiny": run_payload("tiny", "AE", images[:12], {}, d=1, noise=None, held_out=0, recipe=few, label_column=None),
        "unmeasured": replace(runs[0], name="bare", label_column=None, **bare),
    }
