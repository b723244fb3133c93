"""What ``zscope path --arithmetic`` does: images with an attribute's vector added in steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.types as types
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError
from zscope.generation.arithmetic import AttributeVector, along, attribute_vector, separation
from zscope.generation.meaning import Auc
from zscope.generation.paths import image_length, latent_length
from zscope.runs.latents import MEASURED_COLUMN, Latents
from zscope.runs.run import Run
from zscope.runs.samplers import spelled
from zscope.study.decoded import DecodedRun
from zscope.study.sample import label_values
from zscope.study.strips import Quality, Strip, Strips, judged_by, without_repeats
from zscope.typing import JsonDict, Progress, silent

_LISTED = 12


@dataclass(frozen=True)
class Wanted:
    """What ``--arithmetic`` says.

    Attributes
    ----------
    name : str
        ``LABEL``, ``LABEL=VALUE``, or what two groups of images differ in.
    factor : float
        How often the vector is added at the last frame; the first has its opposite.
    """

    name: str
    factor: float

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """Read ``NAME:FACTOR``, as ``smile:+2`` or ``expression=happiness:-1.5``."""
        name, colon, number = text.rpartition(":")
        try:
            factor = float(number)
        except ValueError:
            factor = math.nan
        if not colon or not name or not math.isfinite(factor) or factor == 0:
            raise ParameterError("--arithmetic", "be LABEL:FACTOR or LABEL=VALUE:FACTOR, as smile:+2", text)
        return cls(name, factor)


def arithmetic_run(
    run: Run,
    latents: Latents,
    starts: Sequence[str],
    arithmetic: str,
    *,
    with_file: Path | None = None,
    without_file: Path | None = None,
    steps: int = 9,
    seed: int = 0,
    quality: Quality | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Strips:
    """Add an attribute's vector to the codes of images.

    The vector is the mean of the training codes with the attribute minus the mean of those without; how well it tells
    them apart is measured on held-out codes.

    Parameters
    ----------
    run : Run
        A finished run.
    latents : Latents
        Its codes.
    starts : sequence of str
        Images to start from: ids or rows.
    arithmetic : str
        ``LABEL:FACTOR`` for a label of truth values (or of 0 and 1, or −1 and 1), ``LABEL=VALUE:FACTOR`` for any other,
        or any name with the two files.
    with_file, without_file : Path, optional
        Text files that name the images of both groups, an id or row a line.
    steps : int
        Frames from −factor to +factor, at least 2.
    seed : int
        Draws the codes whose nearest neighbours say what is typical.
    quality : callable, optional
        The judge's distance of each image from real ones.
    device : str
        Where to decode.
    progress : Progress
        Told of what is done.

    Returns
    -------
    Strips
        One an image.

    Raises
    ------
    ParameterError
        There is no such image, label or value, or only one of the two files.
    CodesError
        No training code is in one of the groups.
    """
    wanted = Wanted.parse(arithmetic)
    if steps < 2:
        raise ParameterError("steps", "be at least 2", steps)
    if not starts:
        raise ParameterError("--from", "name at least one image", "nothing")
    opened = DecodedRun.open(run, latents, device)
    rows = [opened.row(start, "--from") for start in without_repeats(starts)]
    has, known = groups(opened, wanted.name, with_file, without_file)
    train, held_out = latents.split("train"), latents.split("held-out")
    vector = attribute_vector(latents.mean(train), has[train], known[train])
    says, about = _findings(latents, vector, wanted, has, known, held_out)
    neighbourhood = opened.neighbourhood(rows, seed)
    about |= {"typical_distance": neighbourhood.typical, "typical_of": neighbourhood.queries}
    factors = np.linspace(-wanted.factor, wanted.factor, steps)
    strips = []
    for place, row in enumerate(rows):
        progress("arithmetic", place, len(rows))
        codes = along(latents.mean(np.array([row]))[0], vector.vector, factors)
        images = opened.model.decode_all(codes)
        length = image_length(opened.model.decode, codes)
        name = str(opened.about(row)["id"])
        strips.append(
            Strip(
                name,
                name,
                (opened.original(row), None),
                tuple(factors.tolist()),
                codes,
                images,
                neighbourhood.ratio(codes).astype(np.float64),
                judged_by(quality, images),
                latent_length(codes),
                length.value,
                length.converged,
                details={"row": row, "split": opened.about(row)["split"]},
            )
        )
    title = f"{wanted.name}: {wanted.factor:+g} times the difference of the means at the right"
    return Strips("arithmetic", run.label, title, f"times the vector of {wanted.name}", tuple(strips), says, about)


def groups(
    opened: DecodedRun, name: str, with_file: Path | None, without_file: Path | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find which images have the attribute, and of which that is known.

    Returns
    -------
    has, known : ndarray of shape (N,), bool
        An entry a code.
    """
    if (with_file is None) != (without_file is None):
        raise ParameterError("--with and --without", "be given together", "one of them")
    if with_file is None or without_file is None:
        return _by_label(opened.latents, name)
    n = len(opened.latents)
    has, lacks = np.zeros(n, bool), np.zeros(n, bool)
    has[opened.rows_of_file(with_file, "--with")] = True
    lacks[opened.rows_of_file(without_file, "--without")] = True
    both = np.flatnonzero(has & lacks)
    if len(both):
        raise ParameterError("--without", "name other images than --with", str(opened.about(int(both[0]))["id"]))
    return has, has | lacks


def _by_label(latents: Latents, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    points = latents.points
    labels = [one for one in points.column_names if one not in ("id", "split") and not MEASURED_COLUMN.fullmatch(one)]
    label, equals, value = name.partition("=")
    if label not in labels:
        there = ", ".join(labels) or "none: the images have no labels"
        raise ParameterError("--arithmetic", f"name a label ({there}), or --with and --without", label)
    if equals:
        texts = label_values(latents, label)
        wanted = spelled(value, texts)
        if not wanted or wanted not in texts:
            raise ParameterError("--arithmetic", f"name a value of {label} ({_some(texts)})", value or "nothing")
        return texts == wanted, texts != ""
    column = points[label].combine_chunks()
    known = np.asarray(column.is_valid())
    values = column.to_pylist()
    found = {one for one in values if one is not None}
    if not (types.is_boolean(column.type) or found in ({0, 1}, {-1, 1})):
        listed = _some(np.array(["" if one is None else str(one) for one in values]))
        must = f"be {label}=VALUE:FACTOR, since {label} is no truth value (its values: {listed})"
        raise ParameterError("--arithmetic", must, name)
    return np.array([one is not None and one > 0 for one in values]), known


def _some(texts: NDArray[np.str_]) -> str:
    values = sorted(set(texts.tolist()) - {""})
    more = f" and {len(values) - _LISTED:,} more" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + more


def _findings(
    latents: Latents,
    vector: AttributeVector,
    wanted: Wanted,
    has: NDArray[np.bool_],
    known: NDArray[np.bool_],
    held_out: NDArray[np.int64],
) -> tuple[tuple[str, ...], JsonDict]:
    """Say how well the direction tells held-out codes apart, and along which axes it lies."""
    tried = held_out[known[held_out]]
    n_with = int(has[tried].sum())
    n_without = len(tried) - n_with
    auc, reason = _held_out_auc(latents, vector, has, tried)
    axis = int(np.abs(vector.leading).argmax())
    share = float(np.square(vector.leading).sum())
    left_out = int((~known).sum())
    says = [
        f"The vector of {wanted.name} comes from {vector.n_with:,} training codes with it and {vector.n_without:,} "
        f"without it; its length is {vector.length:.3g}, {vector.spread:.3g} standard deviations of the codes along it."
    ]
    if left_out:
        says.append(f"{left_out:,} images are in neither group.")
    says.append(
        f"It cannot be tried on held-out codes: {reason}."
        if auc is None
        else f"It orders {100 * auc.value:.1f} % of the pairs of {n_with:,} held-out codes with and "
        f"{n_without:,} without it rightly (AUC {auc.value:.3f}, 95 % interval {auc.low:.3f} to {auc.high:.3f}; "
        "chance 0.5)."
    )
    says.append(
        f"Its largest cosine with the first {len(vector.leading)} principal axes is "
        f"{abs(vector.leading[axis]):.2f} (axis {axis + 1}; a random direction has {vector.by_chance:.2f}); they hold "
        f"{100 * share:.0f} % of its square."
    )
    about: JsonDict = {
        "attribute": wanted.name,
        "factor": wanted.factor,
        "vector": {
            "length": vector.length,
            "spread": vector.spread,
            "n_with": vector.n_with,
            "n_without": vector.n_without,
            "in_neither": left_out,
            "auc_held_out": None if auc is None else {**auc.as_json(), "n_with": n_with, "n_without": n_without},
            "principal_cosines": list(vector.leading),
            "cosine_by_chance": vector.by_chance,
        },
    }
    return tuple(says), about


def _held_out_auc(
    latents: Latents, vector: AttributeVector, has: NDArray[np.bool_], tried: NDArray[np.int64]
) -> tuple[Auc | None, str]:
    try:
        return separation(vector.score(latents.mean(tried)), has[tried]), ""
    except CodesError as error:
        return None, str(error)
