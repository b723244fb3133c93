"""The ladder: images from clouds in the order of what they know of the codes, each scored by the judge."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from zscope.clouds import Cloud
from zscope.generation.meaning import PREDICTORS, Surroundings, where_meaningful
from zscope.judging import Judge, nearest_code_distances
from zscope.judging.judge import FEWEST_IMAGES
from zscope.runs.ladders import Rung
from zscope.typing import CodeArray, ImageArray, JsonDict

LADDER = (
    "uniform",
    "normal",
    "radius",
    "axes",
    "axes-empirical",
    "copula",
    "covariance",
    "ellipsoid",
    "mixture",
    "kde",
    "neighbours",
    "flow",
    "second-stage",
    "posterior",
)
"""The clouds of the ladder, by what they know of the codes."""

SHOWN = 32
"""Images of each rung that are kept to be shown; all codes are kept, so the others can be decoded again."""

LEAST = FEWEST_IMAGES
"""Fewer images a rung are not scored."""

MOST_DECODED = 5000
"""Training codes that are decoded for FD to reconstructions; more would move it by less than its interval."""

_DECODED_AT_ONCE = 500
_CHOICE_SEED = 0


@dataclass(frozen=True, eq=False)
class Scorer:
    """Draws, decodes, encodes again and scores.

    Attributes
    ----------
    judge : Judge
        What scores images.
    decode : callable
        Codes (n, d) → uint8 images (n, H, W, C).
    encode : callable
        Images → codes (n, d), the posterior means.
    surroundings : Surroundings
        The training codes.
    n, seed : int
        Images a rung, and the seed: every rung draws from a generator of its own, made from it and the rung's name, so
        that scores are independent.
    """

    judge: Judge
    decode: Callable[[CodeArray], ImageArray]
    encode: Callable[[ImageArray], CodeArray]
    surroundings: Surroundings
    n: int
    seed: int

    def cloud(self, spec: str, item: Cloud) -> Rung:
        """Score images of a fitted cloud; the rung goes by the text that was asked for."""
        codes = item.draw(self.n, np.random.default_rng([self.seed, crc32(spec.encode())]))
        return self.rung(spec, item.label, item.keeps, self.decode(codes), codes)

    def rung(self, sampler: str, label: str, keeps: str, images: ImageArray, codes: CodeArray | None) -> Rung:
        """Score images, and their codes where they were decoded from some.

        Parameters
        ----------
        sampler, label, keeps : str
            What they are, see `Rung`.
        images : ndarray of shape (n, H, W, C), uint8
            The images.
        codes : ndarray of shape (n, d) or None
            What they were decoded from.

        Returns
        -------
        Rung
            Its scores are those of the judge (see `zscope.judging.Scores`), for decoded images with ``nearest_code``
            and ``cycle``.
        """
        rng = np.random.default_rng([self.seed, 1, crc32(sampler.encode())])
        if codes is None:
            none = np.empty((0, self.surroundings.codes.shape[1]), np.float32)
            scores = self.judge.score(images, rng).as_json()
            return Rung(sampler, label, keeps, scores, images[:SHOWN], none, np.empty(0, bool))
        around = self.surroundings
        predictors = around.predictors(codes, self.encode(images))
        nearest = nearest_code_distances(codes, around.codes, around.spread)
        scores = self.judge.score(images, rng, nearest=nearest, cycle=predictors["cycle"]).as_json()
        return Rung(sampler, label, keeps, scores, images[:SHOWN], codes, self.judge.meaningful(images), predictors)


def noise_images(n: int, shape: tuple[int, ...], rng: np.random.Generator) -> ImageArray:
    """Images of independent pixels, uniform in 0 … 255: the floor that scores are read by; (n, H, W, C)."""
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8)


def training_reconstructions(decode: Callable[[CodeArray], ImageArray], codes: CodeArray) -> Iterator[ImageArray]:
    """Decode the codes that clouds are fitted to, in parts: all of them, or a fixed choice of `MOST_DECODED`.

    Parameters
    ----------
    decode : callable
        Codes (n, d) → uint8 images (n, H, W, C).
    codes : ndarray of shape (N, d)
        Codes of the training images; of a VAE one draw of each posterior, which the decoder was trained on and of which
        `posterior` draws more, not the posterior means.

    Yields
    ------
    ndarray of shape (m, H, W, C), uint8
        In the order of the codes; the same ones for as many codes.
    """
    rows = np.sort(np.random.default_rng(_CHOICE_SEED).permutation(len(codes))[:MOST_DECODED])
    for start in range(0, len(rows), _DECODED_AT_ONCE):
        yield decode(codes[rows[start : start + _DECODED_AT_ONCE]])


def where_codes_are_meaningful(rungs: Mapping[str, Rung]) -> JsonDict:
    """Tell what predicts that a code decodes to a meaningful image, over the codes of all rungs but ``posterior``.

    Parameters
    ----------
    rungs : mapping of str to Rung
        By text of the cloud, with as many codes each.

    Returns
    -------
    dict
        ``where``: for each predictor, the best first, ``predictor``, ``says`` (in words) and ``auc`` (that smaller
        values are meaningful); ``where_n``: ``codes``, ``meaningful`` and ``samplers``; ``where_left_out``: why there
        is nothing, or None.
    """
    used = {name: rung for name, rung in rungs.items() if name != "posterior" and len(rung.codes)}
    entries: list[Any] = []
    total = sum(len(rung.codes) for rung in used.values())
    meaningful = np.concatenate([rung.meaningful for rung in used.values()]) if used else np.empty(0, bool)
    stacked = {name: np.concatenate([rung.predictors[name] for rung in used.values()]) for name in PREDICTORS if used}
    found, why_not = where_meaningful(stacked, meaningful)
    for name, auc in found.items():
        entries.append({"predictor": name, "says": PREDICTORS[name], "auc": auc.as_json()})
    about: JsonDict = {"codes": total, "meaningful": int(meaningful.sum()), "samplers": list(used)}
    return {"where": entries, "where_n": about, "where_left_out": why_not}
