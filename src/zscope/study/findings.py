"""Runs in words and side by side: sentences and one table, from what was measured."""

from collections.abc import Callable, Sequence
from math import exp, lgamma, sqrt
from typing import Any

from zscope.measures.words import counted
from zscope.study.payload import Comparison, Finding, RunPayload

FIGURE_OF = {"radius": "radius", "axes": "axes", "activity": "kl"}
"""Measures whose verdicts are told, in this order, and the figure that shows each (an AE has no KL to show)."""

_NO_SPREAD = 1e-6
"""Radii that spread by less than this share of their mean are one radius."""


def prior_radius(d: int) -> float:
    """Mean length of a draw from N(0, I) in `d` dimensions, √2 Γ((d + 1) / 2) / Γ(d / 2).

    Examples
    --------
    >>> round(prior_radius(256), 2)
    15.98
    """
    return sqrt(2) * exp(lgamma((d + 1) / 2) - lgamma(d / 2))


def findings_of(runs: Sequence[RunPayload]) -> tuple[Finding, ...]:
    """Say what was found: the runs against each other first, then each run's verdicts."""
    findings: list[Finding] = []
    if len(runs) > 1:
        findings += _losses(runs)
    findings += [finding for run in runs for finding in (_against_prior(run), *_verdicts(run)) if finding is not None]
    return tuple(findings)


def _losses(runs: Sequence[RunPayload]) -> list[Finding]:
    """How much reconstruction a KL weight costs, and how much KL is left; of the same split for all runs."""
    trained = [run for run in runs if run.history]
    split = "held-out" if all(_last(run, "held-out") for run in trained) else "train"
    parts = []
    for run in trained:
        last = _last(run, split)
        if last is not None:
            kl = "" if _is_autoencoder(run) else f" with a KL of {last['kl']:.4g}"
            parts.append(f"{run.name} ({run.label}) {last['reconstruction']:.1f}{kl}")
    if len(parts) < 2:
        return []
    images = "held-out" if split == "held-out" else "training"
    return [Finding(f"Reconstruction of {images} images, in nats per image: {'; '.join(parts)}.", figure="losses")]


def _is_autoencoder(run: RunPayload) -> bool:
    return bool(run.manifest["config"]["model"]["kind"] == "ae")


def _against_prior(run: RunPayload) -> Finding | None:
    """Where the codes lie, against where N(0, I) draws.

    Of a VAE these are draws of the posteriors: the prior is held to all posteriors together, not to their means, which
    lie further in.
    """
    split = run.splits.get("train")
    if split is None:
        return None
    if _is_autoencoder(run):
        radius, what = split.values.get("radius", {}), f"The codes of {run.name} lie"
    else:
        about = split.values.get("logvar", {})
        factor = about.get("factor", 1.0)
        noise = "" if factor == 1 else f", their noise times {factor:g},"
        radius, what = about.get("radius_of_draw", {}), f"Draws of the posteriors of {run.name}{noise} lie"
    mean, sd = radius.get("mean"), radius.get("sd")
    if mean is None or sd is None:
        return None
    prior = prior_radius(split.d)
    where = f"{what} at radius {mean:.4g} ± {sd:.3g} (n = {split.n:,})"
    draws = f"draws from N(0, I) in {counted(split.d, 'dimension')} at {prior:.4g}"
    return Finding(f"{where}; {draws}{_apart(mean, sd, prior)}.", run=run.name, figure="radius")


def _apart(mean: float, sd: float, prior: float) -> str:
    """How far the prior is off in the codes' standard deviations; nothing where they all but lie at one radius."""
    if sd <= _NO_SPREAD * mean:
        return ""
    steps = (mean - prior) / sd
    if abs(steps) < 0.05:
        return ", as far out"
    return f", {abs(steps):.1f} standard deviations of the former further {'in' if steps > 0 else 'out'}"


def _verdicts(run: RunPayload) -> list[Finding]:
    split = run.splits.get("train")
    if split is None:
        return []
    return [
        Finding(
            verdict["says"],
            verdict["advice"],
            run.name,
            verdict["claim"],
            verdict["holds"],
            verdict["strength"],
            FIGURE_OF[name] if FIGURE_OF[name] in split.values else None,
        )
        for name in FIGURE_OF
        if (verdict := split.verdicts.get(name)) is not None
    ]


def _last(run: RunPayload, split: str) -> dict[str, Any] | None:
    """Losses of a split after the last epoch that has them."""
    records = [record for record in run.history if record["split"] == split]
    return records[-1] if records else None


def _losses_of(split: str, name: str) -> Callable[[RunPayload], float | None]:
    def value(run: RunPayload) -> float | None:
        last = _last(run, split)
        return None if last is None else float(last[name])

    return value


def _measured(name: str, *keys: str, split: str = "train") -> Callable[[RunPayload], float | None]:
    def value(run: RunPayload) -> float | None:
        part = run.splits.get(split)
        found: Any = None if part is None else part.values.get(name)
        for key in keys:
            found = None if found is None else found.get(key)
        if isinstance(found, list):
            found = len(found)
        return None if found is None else float(found)

    return value


ROWS: tuple[tuple[str, str, Callable[[RunPayload], float | None]], ...] = (
    ("parameters", "", lambda run: run.manifest.get("parameters")),
    ("epochs", "", lambda run: float(run.history[-1]["epoch"]) if run.history else None),
    ("training time", "s", _losses_of("train", "seconds")),
    ("total, training", "nats per image", _losses_of("train", "total")),
    ("total, held-out", "nats per image", _losses_of("held-out", "total")),
    ("reconstruction, training", "nats per image", _losses_of("train", "reconstruction")),
    ("reconstruction, held-out", "nats per image", _losses_of("held-out", "reconstruction")),
    ("reconstruction per channel, held-out", "nats per image", _losses_of("held-out", "reconstruction_per_channel")),
    ("KL, training", "nats per image", _losses_of("train", "kl")),
    ("KL, held-out", "nats per image", _losses_of("held-out", "kl")),
    ("latent dimensions", "", lambda run: float(run.manifest["config"]["model"]["z_dim"])),
    ("active axes", "", _measured("activity", "active")),
    ("dominating axes", "", _measured("axes", "dominating")),
    ("components for 95 % of the variance", "", _measured("pca", "needed", "95")),
    ("radius, peak", "latent units", _measured("radius", "peak")),
    ("radius, peak from mean and covariance", "latent units", _measured("radius", "moments", "peak")),
    ("radius, mean", "latent units", _measured("radius", "mean")),
    ("radius, standard deviation", "latent units", _measured("radius", "sd")),
    ("radius, mean of held-out codes", "latent units", _measured("radius", "mean", split="held-out")),
    ("log-variance, mean", "", _measured("logvar", "logvar", "mean")),
    ("log-variance, largest", "", _measured("logvar", "logvar", "max")),
    ("log-variance, smallest", "", _measured("logvar", "logvar", "min")),
    ("log-variances above −3", "components", _measured("logvar", "logvar", "above", "count")),
    ("log-variances in all", "components", _measured("logvar", "logvar", "components")),
    ("|z − mean|, largest", "latent units", _measured("logvar", "shift", "max")),
    ("radius of drawn codes, mean", "latent units", _measured("logvar", "radius_of_draw", "mean")),
    ("radius, drawn against mean: largest difference", "latent units", _measured("logvar", "difference", "max")),
    ("radius, drawn against mean: mean difference", "latent units", _measured("logvar", "difference", "mean")),
    ("radius, drawn against mean: largest relative", "", _measured("logvar", "difference", "max_relative")),
)
"""Figures that runs are compared by: words, unit, and where they come from."""


def compare_runs(runs: Sequence[RunPayload]) -> Comparison:
    """Put runs side by side; rows that no run has a value for are left out."""
    rows = [(figure, unit, tuple(value(run) for run in runs)) for figure, unit, value in ROWS]
    return Comparison(
        tuple(run.name for run in runs),
        tuple(row for row in rows if any(value is not None for value in row[2])),
    )
