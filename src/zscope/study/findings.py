"""Runs in words and side by side: sentences and one table, from what was measured."""

from collections.abc import Callable, Sequence
from math import exp, lgamma, sqrt
from typing import Any

from zscope.measures.words import counted
from zscope.nulls import CLAIMS
from zscope.study.losses import kept_losses
from zscope.study.payload import Comparison, Finding, RunPayload

FIGURE_OF = {
    "radius": "radius",
    "normality": "axes",
    "axes": "axes",
    "activity": "kl",
    "prior": "radius",
    "clusters": "inertia",
    "tsne": "tsne",
}
"""The figure that shows what a measure's verdict is about, where there is one (an AE has no KL to show)."""

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
    """Say what was found: the runs against each other first, then what of any run has the most consequence.

    Parameters
    ----------
    runs : sequence of RunPayload
        The runs, in the study's order.

    Returns
    -------
    tuple of Finding
        Losses of all runs; which random codes decode well; structure that was found, and agreement that was not;
        where the codes lie, what dominates and what has collapsed; then what is as in the nulls, what is undecided, and
        last what could not be tested.
        The same claim of all runs stands together, in the order of the runs.
    """
    single = [finding for run in runs for finding in (_against_prior(run), *_verdicts(run)) if finding is not None]
    ladders = [finding for run in runs if (finding := _ladder(run)) is not None]
    ranked = ladders + sorted(single, key=_rank) + [left for run in runs if (left := _not_testable(run)) is not None]
    return (*(_losses(runs) if len(runs) > 1 else ()), *ranked, *(event for run in runs for event in _events(run)))


CONSEQUENCE = (
    "prior_match",
    "multivariate_normal",
    "clusters",
    "voids",
    "low_dimensional",
    "map_structure",
    "radius_explained",
    "dominating_axes",
    "collapsed_axes",
)
"""Claims by what they mean for drawing codes: from where, by which cloud, of how many axes."""


def _rank(finding: Finding) -> tuple[int, int]:
    """Order findings: what bears on how codes are to be drawn, what describes them, what settles nothing.

    Within these the same claim of all runs stands together.
    """
    if finding.claim is None:
        return 1, 0
    place = CONSEQUENCE.index(finding.claim) + 1 if finding.claim in CONSEQUENCE else len(CONSEQUENCE) + 1
    claim = CLAIMS.get(finding.claim)
    if claim is None or claim.kind == "descriptive":
        return (1 if finding.holds else 2), place
    if finding.holds is None:
        return 4, place
    surprising = finding.holds if claim.kind == "structure" else not finding.holds
    return (0 if surprising else 3), place


def _losses(runs: Sequence[RunPayload]) -> list[Finding]:
    """How much reconstruction a KL weight costs, and how much KL is left; of the same split for all runs."""
    trained = [run for run in runs if run.history]
    split = "held-out" if all(kept_losses(run, "held-out") for run in trained) else "train"
    parts = []
    for run in trained:
        last = kept_losses(run, split)
        if last is not None:
            kl = "" if run.kind == "ae" else f" with a KL of {last['kl']:.4g}"
            parts.append(f"{run.name} ({run.label}) {last['reconstruction']:.1f}{kl}")
    if len(parts) < 2:
        return []
    images = "held-out" if split == "held-out" else "training"
    says = f"Reconstruction of {images} images, in nats per image: {'; '.join(parts)}."
    return [Finding(" ".join(filter(None, (says, losses_apart(runs)))), figure="losses")]


def losses_apart(runs: Sequence[RunPayload]) -> str | None:
    """Say that losses of runs cannot be compared, where they are of different likelihoods."""
    models = [run.manifest["config"]["model"] for run in runs if run.trained]
    names = sorted({model.get("likelihood", "bernoulli") for model in models})
    if len(names) < 2:
        return None
    return f"Losses are of different likelihoods ({', '.join(names)}) and cannot be held against each other."


def _events(run: RunPayload) -> list[Finding]:
    """Say what the training went through: rescues of the guard, and where it was stopped early."""
    words = {"rescue": "Training was rescued", "early stop": "Training was stopped early"}
    return [
        Finding(f"{words[event['kind']]} in epoch {event['epoch']}: {event['says']}.", run=run.name, figure="losses")
        for event in run.manifest.get("events", [])
    ]


def _ladder(run: RunPayload) -> Finding | None:
    """Which condition on a random code matters, and which sampler to use, where the samplers were scored."""
    if run.ladder is None:
        return None
    content = run.ladder.content
    chosen = content["recommended"]
    advice = None
    if chosen is not None:
        advice = f"Draw from {chosen}: Autoencoder.from_pretrained({run.path!r}).sample(n). {content['why']}"
    return Finding(content["says"], advice, run.name, figure="ladder")


def _against_prior(run: RunPayload) -> Finding | None:
    """Where the codes lie, against where N(0, I) draws.

    Of a VAE these are draws of the posteriors: the prior is held to all posteriors together, not to their means, which
    lie further in.
    """
    split = run.first
    if split is None:
        return None
    about = split.values.get("logvar")
    if about is None and run.kind != "vae":
        radius, what = split.values.get("radius", {}), f"The codes of {run.name} lie"
    else:
        factor = (about or {}).get("factor", 1.0)
        noise = "" if factor == 1 else f", their noise times {factor:g},"
        radius, what = (about or {}).get("radius_of_draw", {}), f"Draws of the posteriors of {run.name}{noise} lie"
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
    """One finding a verdict, without those that say that nothing could be tested."""
    split = run.first
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
            FIGURE_OF[name] if FIGURE_OF.get(name) in split.values else None,
        )
        for name, verdict in split.verdicts.items()
        if verdict["strength"] != "not testable"
    ]


def _not_testable(run: RunPayload) -> Finding | None:
    """Name the claims that could not be tested, in one sentence; the verdicts say why."""
    split = run.first
    claims = [] if split is None else [v["claim"] for v in split.verdicts.values() if v["strength"] == "not testable"]
    if not claims:
        return None
    named = ", ".join(claim.replace("_", " ") for claim in claims)
    says = f"Of {run.name} {counted(len(claims), 'claim')} could not be tested: {named}. The verdicts say why."
    return Finding(says, run=run.name, strength="not testable")


def _losses_of(split: str, name: str) -> Callable[[RunPayload], float | None]:
    def value(run: RunPayload) -> float | None:
        last = kept_losses(run, split)
        return None if last is None else float(last[name])

    return value


def _measured(name: str, *keys: str, split: str = "first") -> Callable[[RunPayload], float | None]:
    def value(run: RunPayload) -> float | None:
        part = run.first if split == "first" else run.splits.get(split)
        found: Any = None if part is None else part.values.get(name)
        for key in keys:
            found = None if found is None else found.get(key)
        if isinstance(found, list):
            found = len(found)
        return None if found is None else float(found)

    return value


def _dimensions(run: RunPayload) -> float | None:
    if run.trained:
        return float(run.manifest["config"]["model"]["z_dim"])
    return None if run.first is None else float(run.first.d)


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
    ("latent dimensions", "", _dimensions),
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
