"""What ``zscope sample --around`` does: one image's code, moved in many directions or by its own posterior noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.noise import PosteriorSamples, posterior_samples
from zscope.generation.perturbation import DIRECTIONS, SIZES, Perturbed, largest_meaningful, perturbed
from zscope.measures.neighbours import nearest_neighbours
from zscope.runs.formats import staged_folder, write_json
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.study.decoded import DecodedRun
from zscope.study.strips import PIXEL_UNIT, Quality, judged_by, without_repeats
from zscope.typing import CodeArray, ImageArray, Json, JsonDict, Progress, silent

FORMAT, VERSION = "zscope-around", 1

NEIGHBOURS = 10
"""Nearest codes whose images say how much images of neighbours differ."""

KIND_WORDS = {"random": "random directions", "principal": "principal axes", "neighbour": "towards neighbours"}
"""Kinds of directions in words."""


@dataclass(frozen=True, eq=False)
class Around:
    """What lies around one code.

    Attributes
    ----------
    run : str
        The model in words.
    image : dict
        Row, id and split.
    original, reconstruction : ndarray of shape (H, W, C), uint8
        The image, and what its code decodes to.
    typical : float
        Typical distance between neighbours among the training codes, in latent units.
    code_distance : float
        Distance of the code itself to the nearest other training code over the typical one.
    quality : float or None
        What the judge says of the reconstruction.
    neighbour_change : float
        Median distance between the decoded image and those of the nearest training codes, in pixel units.
    kinds : tuple of Perturbed
        One a kind of direction.
    says : tuple of str
        Findings in sentences.
    towards : tuple of str
        Ids of the images whose codes the directions towards neighbours lead to, in their order.
    """

    run: str
    image: JsonDict
    original: ImageArray
    reconstruction: ImageArray
    typical: float
    code_distance: float
    quality: float | None
    neighbour_change: float
    kinds: tuple[Perturbed, ...]
    says: tuple[str, ...]
    towards: tuple[str, ...] = ()

    def as_json(self) -> JsonDict:
        """Give all but the images as JSON, of every kind and size the `spread` over directions."""
        kinds: list[Json] = []
        for kind in self.kinds:
            sizes: list[Json] = [
                {
                    "size": float(size),
                    "latent": float(size * self.typical),
                    "change": spread(kind.change[place]),
                    "code_distance": spread(kind.code_distance[place]),
                    "quality": None if kind.quality is None else spread(kind.quality[place]),
                    "meaningful": None if kind.quality is None else float((kind.quality[place] <= 1).mean()),
                }
                for place, size in enumerate(kind.sizes)
            ]
            kinds.append({"directions": kind.kind, "n": kind.change.shape[1], "sizes": sizes})
        return {
            "run": self.run,
            "image": self.image,
            "unit": PIXEL_UNIT,
            "typical_distance": self.typical,
            "code_distance": self.code_distance,
            "quality": self.quality,
            "neighbour_change": self.neighbour_change,
            "around": kinds,
            "towards": list(self.towards),
            "says": list(self.says),
        }


def spread(values: NDArray[np.float64]) -> JsonDict:
    """Median, and the range of the middle 80 %, of values of several directions."""
    low, middle, high = map(float, np.quantile(values, (0.1, 0.5, 0.9)))
    return {"value": middle, "low": low, "high": high}


def around_run(
    run: Run,
    latents: Latents,
    image: str,
    *,
    directions: Sequence[str] = DIRECTIONS,
    m: int = 16,
    sizes: Sequence[float] = SIZES,
    seed: int = 0,
    quality: Quality | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Around:
    """Move one image's code by several sizes in several directions.

    Parameters
    ----------
    run : Run
        A finished run.
    latents : Latents
        Its codes.
    image : str
        An id as in ``points.parquet``, or a row of the codes; of any split.
    directions : sequence of str
        Kinds, names in `zscope.generation.perturbation.DIRECTIONS`.
    m : int
        Directions of a kind.
    sizes : sequence of float
        |δ| over the typical distance between neighbours.
    seed : int
        Draws random directions, and the codes whose nearest neighbours say what is typical.
    quality : callable, optional
        The judge's distance of each image from real ones.
    device : str
        Where to decode.
    progress : Progress
        Told of what is done.

    Returns
    -------
    Around
        Of that one code; others may differ.

    Raises
    ------
    ParameterError
        There is no such image or kind of directions, or a number is out of its bounds.
    CodesError
        At least half of the nearest codes decode to the image itself: change has no measure there.
    """
    if not directions:
        raise ParameterError("--directions", f"name one of {', '.join(DIRECTIONS)}", "nothing")
    opened = DecodedRun.open(run, latents, device)
    row = opened.row(image, "--around")
    code = latents.mean(np.array([row]))[0]
    neighbourhood = opened.neighbourhood([row], seed)
    apart = _neighbour_change(opened, code, neighbourhood)
    rng = np.random.default_rng(seed)
    kinds = []
    names = without_repeats(directions)
    for place, kind in enumerate(names):
        progress(f"around {kind}", place, len(names))
        kinds.append(
            perturbed(code, neighbourhood, opened.model.decode, kind, m=m, sizes=tuple(sizes), quality=quality, rng=rng)
        )
    reconstruction = opened.model.decode_all(code[None])
    judged = judged_by(quality, reconstruction)
    found = Around(
        run.label,
        opened.about(row),
        opened.original(row),
        reconstruction[0],
        neighbourhood.typical,
        float(neighbourhood.ratio(code[None])[0]),
        None if judged is None else float(judged[0]),
        apart,
        tuple(kinds),
        (),
        _towards(opened, row, m),
    )
    says = findings(found)
    return Around(**{**vars(found), "says": says})


def _towards(opened: DecodedRun, row: int, m: int) -> tuple[str, ...]:
    """Ids of the nearest training images, in the order of `zscope.generation.perturbation.directions`."""
    rows = opened.latents.split("train")
    rows = rows[rows != row]
    code = opened.latents.mean(np.array([row]))[0]
    lengths = np.linalg.norm(opened.latents.mean(rows).astype(np.float64) - code, axis=1)
    order = np.argsort(lengths, kind="stable")
    ids = opened.latents.points["id"]
    return tuple(str(ids[int(rows[place])].as_py()) for place in order[lengths[order] > 0][:m])


def _neighbour_change(opened: DecodedRun, code: CodeArray, neighbourhood: Neighbourhood) -> float:
    """Median distance between the image that a code decodes to and those of the nearest codes, in pixel units."""
    nearest = nearest_neighbours(
        np.concatenate([code[None], neighbourhood.codes]),
        min(NEIGHBOURS, len(neighbourhood.codes)),
        queries=np.array([0]),
    )
    pictures = opened.model.decode(np.concatenate([code[None], neighbourhood.codes[nearest.indices[0] - 1]]))
    apart = np.linalg.norm((pictures[1:] - pictures[0]).reshape(len(pictures) - 1, -1).astype(np.float64), axis=1)
    change = float(np.median(apart))
    if change == 0:
        raise CodesError(
            f"{int((apart == 0).sum())} of the {len(apart)} nearest codes decode to the very image of the code: "
            "the decoder has collapsed there, and there is nothing to measure change by"
        )
    return change


def findings(found: Around) -> tuple[str, ...]:
    """Say whether the code is surrounded by chaos, with the figures that the answer rests on."""
    says = []
    for kind in found.kinds:
        one = int(np.abs(kind.sizes - 1).argmin())
        change = float(np.median(kind.change[one]))
        at = (
            f"{kind.sizes[one]:g} times the typical distance between neighbours ({kind.sizes[one] * found.typical:.3g})"
        )
        says.append(
            f"{KIND_WORDS[kind.kind].capitalize()}, |δ| {at}: the image changes by {change:.3g} pixel units, "
            f"{change / found.neighbour_change:.2g} of what lies between it and the images of the nearest codes."
        )
    return (_chaos(found), *says)


def _chaos(found: Around) -> str:
    words = []
    for kind in found.kinds:
        reach = largest_meaningful(kind)
        if reach is None:
            return "Whether the code is surrounded by chaos is for the judge to say, and there is none here."
        words.append(f"{KIND_WORDS[kind.kind]} {_up_to(reach, float(kind.sizes.max()))}")
    if found.quality is not None and found.quality > 1:
        return f"The code's own image is not meaningful ({found.quality:.2f}, above 1): its surroundings say little."
    reaches = [largest_meaningful(kind) or 0.0 for kind in found.kinds]
    answer = "The code is not surrounded by chaos"
    if min(reaches) < 1:
        answer = f"The code is surrounded by chaos{' in some directions' if max(reaches) >= 1 else ''}"
    return (
        f"{answer}: at least half of the directions give a meaningful image in {'; '.join(words)} "
        "(times the typical distance between neighbours)."
    )


def _up_to(reach: float, largest: float) -> str:
    if not reach:
        return "at no size"
    return f"at every size to {reach:g}" if reach == largest else f"up to {reach:g}"


@dataclass(frozen=True, eq=False)
class Noise:
    """One image, sampled many times.

    Attributes
    ----------
    run : str
        The model in words.
    image : dict
        Row, id and split.
    original : ndarray of shape (H, W, C), uint8
        The image.
    drawn : PosteriorSamples
        Draws of its posterior, decoded.
    """

    run: str
    image: JsonDict
    original: ImageArray
    drawn: PosteriorSamples

    @property
    def says(self) -> tuple[str, ...]:
        """How much the draws differ."""
        sd = 255 * float(np.sqrt(np.square(self.drawn.sd).mean()))
        return (
            f"{len(self.drawn.images)} draws at eps_factor {self.drawn.eps_factor:g}: a pixel's standard deviation is "
            f"{sd:.3g} grey levels of 255 (root mean square over pixels), "
            f"at most {255 * float(self.drawn.sd.max()):.3g}.",
        )

    def as_json(self) -> JsonDict:
        """Give the figures as JSON; standard deviations on pixel values from 0 to 1."""
        return {
            "run": self.run,
            "image": self.image,
            "n": len(self.drawn.images),
            "eps_factor": self.drawn.eps_factor,
            "sd_rms": float(np.sqrt(np.square(self.drawn.sd).mean())),
            "sd_largest": float(self.drawn.sd.max()),
            "says": list(self.says),
        }


def noise_run(
    run: Run,
    latents: Latents,
    image: str,
    *,
    n: int = 24,
    eps_factor: float = 1.0,
    seed: int = 0,
    device: str = "auto",
) -> Noise:
    """Draw one image's posterior many times and decode the draws; an AE has none and is refused.

    Parameters
    ----------
    run : Run
        A finished run of a VAE.
    latents : Latents
        Its codes, which say which image is meant; it is encoded anew.
    image : str
        An id as in ``points.parquet``, or a row of the codes.
    n : int
        Draws, at least 2.
    eps_factor : float
        Factor on the noise, at least 0.
    seed : int
        Makes the noise.
    device : str
        Where to compute.

    Returns
    -------
    Noise
        The same for the same seed.
    """
    opened = DecodedRun.open(run, latents, device)
    row = opened.row(image, "--around")
    original = opened.original(row)
    drawn = posterior_samples(opened.model, original, n, eps_factor, np.random.default_rng(seed))
    return Noise(run.label, opened.about(row), original, drawn)


def write_around(found: Around | Noise, folder: Path, force: bool) -> None:
    """Write images (and codes of draws) beside an ``around.json``, as a folder that appears when it is whole."""
    with staged_folder(folder, force=force, marker=("around.json", FORMAT)) as stage:
        if isinstance(found, Around):
            for kind in found.kinds:
                np.save(stage / f"{kind.kind}.npy", kind.images)
        else:
            np.save(stage / "draws.npy", found.drawn.images)
            np.save(stage / "draws-codes.npy", found.drawn.codes)
            np.save(stage / "sd.npy", found.drawn.sd.astype(np.float32))
        write_json(stage / "around.json", FORMAT, VERSION, found.as_json())
