"""Tables of the page: numbers that the payload holds, laid out."""

from typing import Any

from zscope.figures.base import SPLIT_WORDS
from zscope.figures.words import counted, number, percent
from zscope.report.blocks import Table
from zscope.study.alike import COLUMNS, RunsAlike
from zscope.study.payload import Comparison, RunPayload, SplitPayload, StudyPayload

MOST_ROWS = 24
"""Dominating axes beyond this many are counted and not listed."""


def comparison_table(comparison: Comparison, titles: tuple[str, ...]) -> Table:
    """Lay out the table of runs.

    Parameters
    ----------
    comparison : Comparison
        Runs side by side.
    titles : tuple of str
        What the runs are called on the page.

    Returns
    -------
    Table
        One column a run.
    """
    rows = tuple(
        (figure, unit, *(number(_whole(value), 4) for value in values)) for figure, unit, values in comparison.rows
    )
    return Table("", ("", "unit", *titles), rows, (False, False, *(True for _ in titles)))


def _whole(value: float | None) -> float | None:
    return int(value) if value is not None and abs(value) < 1e15 and value == int(value) else value


def axes_table(split: SplitPayload) -> Table | None:
    """List the dominating axes.

    Parameters
    ----------
    split : SplitPayload
        The codes.

    Returns
    -------
    Table or None
        None where no axis dominates or axes were not measured.
    """
    values = split.values.get("axes")
    if values is None or not values["dominating"]:
        return None
    found = values["dominating"]
    rows = tuple(
        (
            str(axis["axis"]),
            number(axis["centre"], 3),
            number(axis["fwhm"], 3),
            percent(axis["share_of_square_radius"]),
            axis["why"],
        )
        for axis in found[:MOST_ROWS]
    )
    more = f" {len(found) - MOST_ROWS} more are not listed." if len(found) > MOST_ROWS else ""
    return Table(
        "Axes that stand out",
        ("axis", "centre", "full width at half maximum", "share of the mean square radius", "stands out by"),
        rows,
        (True, True, True, True, False),
        f"Rule: {values['rule']}. Ordinary axes: centre {number(values['ordinary']['centre'], 2)}, "
        f"width {number(values['ordinary']['fwhm'])}.{more}",
    )


def logvar_table(split: SplitPayload) -> Table | None:
    """List the log-variances, and what a draw of each posterior changes.

    Parameters
    ----------
    split : SplitPayload
        The codes.

    Returns
    -------
    Table or None
        None for an autoencoder.
    """
    values = split.values.get("logvar")
    if values is None:
        return None
    rows: list[tuple[str, ...]] = []
    for words, key in (
        ("log-variance", "logvar"),
        ("radius of a drawn code", "radius_of_draw"),
        ("radius of the mean", "radius_of_mean"),
    ):
        extremes = values[key]
        rows.append((words, number(extremes["min"], 5), number(extremes["mean"], 5), number(extremes["max"], 5)))
    gap = values["difference"]
    rows.append(("difference of the two radii", "", number(gap["mean"]), number(gap["max"])))
    rows.append(("the same, relative", "", number(gap["mean_relative"]), number(gap["max_relative"])))
    rows.append(("shift |z − mean| of a component", "", "", number(values["shift"]["max"])))
    above, far = values["logvar"]["above"], values["shift"]["above"]
    return Table(
        "Log-variances of the posteriors",
        ("", "smallest", "mean", "largest"),
        tuple(rows),
        (False, True, True, True),
        f"{above['count']:,} of {values['logvar']['components']:,} components have a log-variance above "
        f"{number(float(above['bound']))}; the draw moves {far['count']:,} further than {far['bound']:g}. "
        f"{_noise_words(values['clip'], values.get('factor', 1.0))}",
    )


def _noise_words(clip: float | None, factor: float) -> str:
    times = "" if factor == 1 else f", times {factor:g}"
    bound = "not clipped" if clip is None else f"clipped at {clip:g} standard deviations"
    return f"Noise {bound}{times}."


def activity_words(split: SplitPayload) -> str | None:
    """Say which axes are active.

    Parameters
    ----------
    split : SplitPayload
        The codes.

    Returns
    -------
    str or None
        None where they were not measured.
    """
    values = split.values.get("activity")
    if values is None:
        return None
    collapsed = values["collapsed_axes"]
    says = f"{values['active']} of {counted(values['dimension'], 'axis is', 'axes are')} active: {values['criterion']}."
    if collapsed:
        named = ", ".join(str(axis) for axis in collapsed[:MOST_ROWS])
        more = f" and {len(collapsed) - MOST_ROWS} more" if len(collapsed) > MOST_ROWS else ""
        says += f" Collapsed: {named}{more}."
    if values.get("disagree"):
        says += f" By variance alone {values['active_by_variance']}, by KL alone {values['active_by_kl']}."
    return says


_SPLIT_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("radius, peak", ("radius", "peak")),
    ("radius, peak from mean and covariance", ("radius", "moments", "peak")),
    ("radius, mean", ("radius", "mean")),
    ("radius, standard deviation", ("radius", "sd")),
    ("radius, largest", ("radius", "max")),
    ("active axes", ("activity", "active")),
    ("axes that stand out", ("axes", "dominating")),
    ("components for 90 % of the variance", ("pca", "needed", "90")),
    ("components for 99 % of the variance", ("pca", "needed", "99")),
    ("total variance", ("pca", "total_variance")),
    ("KL in nats", ("kl", "total")),
    ("log-variance, mean", ("logvar", "logvar", "mean")),
    ("log-variance, largest", ("logvar", "logvar", "max")),
)


def splits_table(run: RunPayload) -> Table | None:
    """Put training and held-out codes side by side.

    Parameters
    ----------
    run : RunPayload
        The run.

    Returns
    -------
    Table or None
        None where only one of them was measured.
    """
    if len(run.splits) < 2:
        return None
    parts = list(run.splits.values())
    rows: list[tuple[str, ...]] = [("codes", *(f"{part.n:,}" for part in parts))]
    for words, keys in _SPLIT_ROWS:
        values = [_dig(part.values, *keys) for part in parts]
        if any(value is not None for value in values):
            rows.append((words, *(number(_whole(value), 4) for value in values)))
    return Table(
        "Training against held-out codes",
        ("", *(SPLIT_WORDS[part.name] for part in parts)),
        tuple(rows),
        (False, True, True),
    )


def _dig(values: Any, *keys: str) -> float | None:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return len(values) if isinstance(values, list) else values


def alike_table(alike: RunsAlike) -> Table:
    """Tabulate how alike runs are: every two of them, or means within and between models of several seeds.

    Parameters
    ----------
    alike : RunsAlike
        Of the study.

    Returns
    -------
    Table
        One row a pair.
    """
    rows = tuple(
        (
            row.title if row.pairs == 1 else f"{row.title} ({counted(row.pairs, 'pair')})",
            *(number(value) for value in row.values),
        )
        for row in alike.rows()
    )
    note = (
        "R² forth: from the codes of the first to those of the second, back: the other way, on images that the map was "
        "not fitted to. Neighbours: share in common. Spectra: share of the variance on components of another rank. "
        "Peaks: how far apart the radii peak, in latent units. Radii: Kolmogorov–Smirnov distance. Inertia: mean "
        "|log ratio| of the curves, each as a share of its total variance."
    )
    return Table(
        "How alike the spaces are",
        ("", *(name for name, _ in COLUMNS)),
        rows,
        (False, *(True for _ in COLUMNS)),
        " ".join([note, *(f"{left_out}." for left_out in alike.notes)]),
    )


def making_table(study: StudyPayload, titles: tuple[str, ...]) -> Table:
    """Say how every run was made, from its manifest.

    Parameters
    ----------
    study : StudyPayload
        The study.
    titles : tuple of str
        What the runs are called on the page.

    Returns
    -------
    Table
        One column a run.
    """
    made = [_made(run) for run in study.runs]
    names = list(dict.fromkeys(name for one in made for name in one))
    rows = tuple((name, *(one.get(name, "–") for one in made)) for name in names)
    return Table("", ("", *titles), rows, (False, *(False for _ in study.runs)))


def _made(run: RunPayload) -> dict[str, str]:
    if not run.trained:
        return _measured_codes(run)
    about = run.manifest
    model, training = (about.get("config", {}).get(part, {}) for part in ("model", "training"))
    data, versions = about.get("data", {}), about.get("versions", {})
    made = {"folder": run.path, "source": str(about.get("source", "–"))}
    if data:
        made["images"] = f"{data.get('train', 0):,} training, {data.get('held_out', 0):,} held-out"
        made["limit"] = f"{data['limit']:,}" if data.get("limit") else "none"
        made["hash of the data"] = str(data.get("hash", "–"))[:16]
    if model:
        made |= _model_words(model)
    for name, key in (
        ("epochs", "epochs"),
        ("batch", "batch"),
        ("step size", "learning_rate"),
        ("precision", "precision"),
    ):
        if key in training:
            made[name] = f"{training[key]:g}" if isinstance(training[key], float) else str(training[key])
    made["seed"] = str(about.get("seed", "–"))
    if about.get("parameters") is not None:
        made["parameters"] = f"{about['parameters']:,}"
    made["hash of the run"] = str(about.get("hash", "–"))[:16]
    made["made"] = str(about.get("created", "–"))
    made["versions"] = _version_words(versions)
    return made


def _measured_codes(run: RunPayload) -> dict[str, str]:
    about = run.manifest
    made = {
        "folder": run.path,
        "file": str(about["file"]),
        "codes": f"{counted(about['n'], 'code')} of {counted(about['d'], 'dimension')}",
        "log-variances": "yes" if about.get("logvar") else "none",
        "left out for NaN or infinity": f"{about.get('dropped', 0):,}",
    }
    if about.get("labels"):
        made["labels"] = ", ".join(about["labels"])
    if about.get("group"):
        made["groups"] = str(about["group"])
    return made | {"measured": str(about.get("created", "–")), "versions": _version_words(about.get("versions", {}))}


def _version_words(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if name != "platform")


def _model_words(model: dict[str, Any]) -> dict[str, str]:
    height, width, channels = model["shape"]
    words = {
        "image": f"{height} × {width} × {channels}",
        "model": "autoencoder" if model["kind"] == "ae" else "variational autoencoder",
        "latent dimensions": str(model["z_dim"]),
    }
    if model["kind"] == "vae":
        words["KL weight"] = f"beta {model['beta']:g} = {channels} × fact {model['beta'] / channels:g}"
    else:
        words["KL weight"] = "no KL"
    words["likelihood"] = str(model.get("likelihood", "–"))
    layers = model.get("layers", ())
    if layers:
        words["convolutions"] = (
            ", ".join(f"{layer['filters']} / {layer['stride']}" for layer in layers) + " (filters / step)"
        )
    if model.get("extra_dense"):
        words["dense layers"] = ", ".join(str(width) for width in model["extra_dense"])
    words["batch normalisation"] = "yes" if model.get("batch_norm") else "no"
    return words
