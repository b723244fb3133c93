"""The judge: what says how real decoded images are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.judging.embedding import Embedding, ImageFeatures
from zscope.judging.frechet import Moments, frechet_score
from zscope.judging.intervals import mean_score, share_score
from zscope.judging.manifold import NEIGHBOURS, coverage_score, draw_halves, expected_coverage, membership
from zscope.judging.scores import Scores
from zscope.judging.two_sample import chance_accuracy, two_sample_hits
from zscope.measures.neighbours import nearest_distances
from zscope.typing import CodeArray, FloatArray, ImageArray

FEWEST_IMAGES = 50
"""Fewer images have no score: an interval would say no more than that little is known."""

_MEANINGFUL, _MEMORISED, _COPIES = 0.95, 0.05, 0.01
_ORDER_SEED = 0


@dataclass(frozen=True, eq=False)
class Judge:
    """Says how real images are, by features of the training images of a data set.

    Made by `zscope.judging.judge_for`. What is compared with what: FD, density, coverage and the classifier hold the
    images against training images, distances run to the nearest of all training images; held-out real images give what
    the same figures are for real images that neither the judge nor the model has seen. FD to reconstructions holds the
    images against what their decoder makes of the training images.

    Attributes
    ----------
    embedding : Embedding
        Gives the features.
    training, held_out : ImageFeatures
        Of the training images and of the held-out ones.
    distances : ndarray of shape (h,), float32
        From each held-out image to the nearest training image, in learned features.
    pixel_distances : ndarray of shape (h,), float32
        The same between thumbnails, in grey levels 0 … 1.
    accuracy : dict
        How well the judge's network does what it was trained for.
    reconstruction_distance : float or None
        95 % quantile of the distances of held-out reconstructions, see `with_reconstructions`.
    reconstructed : Moments or None
        Of the learned features of reconstructions of training images, likewise.
    """

    embedding: Embedding
    training: ImageFeatures
    held_out: ImageFeatures
    distances: CodeArray
    pixel_distances: CodeArray
    accuracy: dict[str, float]
    reconstruction_distance: float | None = None
    reconstructed: Moments | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""
        return self.embedding.shape

    @cached_property
    def threshold(self) -> float:
        """Distance to the nearest training image under which 95 % of held-out real images lie."""
        return float(np.quantile(self.distances, _MEANINGFUL))

    @cached_property
    def _moments(self) -> tuple[Moments, Moments]:
        return Moments.of(self.training.learned), Moments.of(self.training.random)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.random.default_rng(_ORDER_SEED).permutation(len(self.training))

    def with_reconstructions(self, images: ImageArray, training: Iterable[ImageArray] = ()) -> "Judge":
        """Tell the judge what the decoder makes of held-out images, and of training images.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            Reconstructions of held-out images by the model whose images are judged, at least 50.
        training : iterable of ndarray of shape (m, H, W, C), uint8
            Reconstructions of training images, in parts, which need not be held at once; at least 50 together. Of a
            VAE they should be decoded from what clouds are fitted to, one draw of each posterior: a cloud that has
            learnt these whole is then at no distance beyond chance.

        Returns
        -------
        Judge
            Whose scores have `meaningful_of_reconstructions` and, where `training` is given, `fd_reconstructions`.

        Raises
        ------
        ParameterError
            They are too few, or of another shape.
        """
        _check_count("reconstructions", len(images))
        found = self._nearest(self.embedding(images))
        parts = [self.embedding(part).learned for part in training]
        if parts:
            _check_count("training", sum(map(len, parts)))
        return replace(
            self,
            reconstruction_distance=float(np.quantile(found, _MEANINGFUL)),
            reconstructed=Moments.of(np.concatenate(parts)) if parts else None,
        )

    def distance(self, images: ImageArray) -> NDArray[np.float64]:
        """Distance of every image to the nearest training image in learned features, over the judge's `threshold`.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            At least one.

        Returns
        -------
        ndarray of shape (n,), float64
            At most 1 for a meaningful image; 95 % of held-out real images are.

        Raises
        ------
        ParameterError
            There is none, or they are of another shape.
        """
        return np.asarray(self._nearest(self.embedding(images)) / self.threshold)

    def meaningful(self, images: ImageArray) -> NDArray[np.bool_]:
        """Tell of every image whether it is as near to a training image as 95 % of held-out real images are.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            At least one.

        Returns
        -------
        ndarray of shape (n,), bool
            Whether its `distance` is at most 1.

        Raises
        ------
        ParameterError
            There is none, or they are of another shape.
        """
        return self.distance(images) <= 1

    def score(
        self,
        images: ImageArray,
        rng: np.random.Generator,
        *,
        nearest: FloatArray | None = None,
        cycle: FloatArray | None = None,
    ) -> Scores:
        """Score a set of images.

        Intervals are conditional on the training images, their reconstructions and the judge: Wilson's for shares, the
        percentile bootstrap over images for means, and a grouped jackknife for FD, which copies of images would make
        larger.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C), uint8
            At least 50, drawn independently of each other.
        rng : numpy.random.Generator
            Source of resamples and folds. The real images that they are held against are the same ones for the same n.
        nearest : ndarray of shape (n,), optional
            Distance of every image's code to the nearest training code, see `zscope.judging.nearest_code_distances`.
        cycle : ndarray of shape (n,), optional
            What decoding and encoding changes every code by, see `zscope.judging.cycle_errors`.

        Returns
        -------
        Scores
            Each with its interval.

        Raises
        ------
        ParameterError
            There are too few images, they are of another shape, or `nearest` or `cycle` is of another length.
        """
        _check_count("images", len(images))
        for name, values in (("nearest", nearest), ("cycle", cycle)):
            if values is not None and values.shape != (len(images),):
                raise ParameterError(name, f"have shape ({len(images)},), a number an image", values.shape)
        features, known = self.embedding(images), self.reconstructed
        found = self._scored(features, rng)
        return replace(
            found,
            nearest_code=None if nearest is None else mean_score(nearest, rng),
            cycle=None if cycle is None else mean_score(cycle, rng),
            fd_reconstructions=None if known is None else frechet_score(features.learned, known, rng),
        )

    def _nearest(self, features: ImageFeatures) -> CodeArray:
        return np.asarray(nearest_distances(self.training.learned, features.learned))

    def _scored(self, features: ImageFeatures, rng: np.random.Generator) -> Scores:
        n, training = len(features), self.training
        real = training.learned[self._order[:n]]
        balls = membership(real, features.learned, NEIGHBOURS, draw_halves(n, rng))
        # Fewer training images than images: the classifier wants as many of either kind.
        pairs = features.learned if len(real) == n else features.learned[rng.permutation(n)[: len(real)]]
        nearest = self._nearest(features)
        pixels = pixel_distances(training.pixels, features.pixels)
        moments = self._moments
        limit = self.reconstruction_distance
        return Scores(
            n,
            len(real),
            expected_coverage(len(real), n),
            chance_accuracy(len(real)),
            fd=frechet_score(features.learned, moments[0], rng),
            fd_random=frechet_score(features.random, moments[1], rng),
            density=mean_score(balls.holding / NEIGHBOURS, rng),
            coverage=coverage_score(balls),
            two_sample=share_score(two_sample_hits(real, pairs, rng)),
            meaningful=share_score(nearest <= self.threshold),
            meaningful_of_reconstructions=None if limit is None else share_score(nearest <= limit),
            memorised=share_score(nearest < np.quantile(self.distances, _MEMORISED)),
            copies=share_score(pixels < np.quantile(self.pixel_distances, _COPIES)),
        )


def pixel_distances(training: NDArray[np.uint8], images: NDArray[np.uint8]) -> CodeArray:
    """Distance of every thumbnail to the nearest one of a training image.

    Parameters
    ----------
    training, images : ndarray of shape (N, p) and (n, p), uint8
        Thumbnails, a row each.

    Returns
    -------
    ndarray of shape (n,), float32
        √(Σ (x − y)²), grey levels in 0 … 1; 0 for a copy.
    """
    scaled = (np.divide(table, 255, dtype=np.float32) for table in (training, images))
    return np.asarray(nearest_distances(*scaled))


def _check_count(name: str, n: int) -> None:
    if n < FEWEST_IMAGES:
        raise ParameterError(name, f"be at least {FEWEST_IMAGES}", n)
