"""Codes against the normal cloud with their mean and covariance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import Measurement
from zscope.measures.goodness import normal_distances
from zscope.measures.normality import (
    Normalised,
    mahalanobis_distance,
    mardia_kurtosis,
    mardia_skewness,
    squared_lengths,
)
from zscope.measures.sample import Sample
from zscope.measures.two_samples import neighbour_accuracy
from zscope.nulls.agreement import Agreement, accuracy_bound, agree, bounded, distance_bound, guessed, margin_of
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.outcome import Outcome, Statistic
from zscope.typing import CodeArray

_CLAIM = "multivariate_normal"


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Moments that codes and draws share, and the reference's points, rows to guess and their k-th neighbours."""

    moments: Normalised
    reference: tuple[CodeArray, NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class NormalityBattery(Battery):
    """Distances of one-dimensional distributions, and a nearest-neighbour classifier, against the null `covariance`.

    The draws share mean and covariance with the codes exactly, so that all are whitened alike. The distances see tails
    and skewed axes; the classifier sees what leaves every projection smooth, such as filaments and many small groups,
    to which energy distance and maximum mean discrepancy are blind. Mardia's figures are evidence beside them: they
    have p-values and no margin.

    Attributes
    ----------
    most_probes : int
        Points of either cloud that are guessed.
    votes : int
        k: the 2 k − 1 nearest neighbours vote. One alone sees filaments better, but hardly any groups.
    most_pairs : int
        Points whose pairs give Mardia's skewness.
    """

    measure: ClassVar[str] = "normality"

    most_probes: int = 1000
    votes: int = 10
    most_pairs: int = 1000

    def untestable(self, sample: Sample) -> str | None:
        """Say whether the codes vary by more than the rounding of float32.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        str or None
            The reason why not.
        """
        if Normalised.of(sample.points).rank == 0:
            return "the codes vary no more than the rounding of float32 does"
        return None

    def nulls(self, sample: Sample) -> tuple[str, ...]:  # noqa: ARG002 - it always applies
        """Name the null: the normal cloud.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            ``covariance``.
        """
        return ("covariance",)

    def prepare(self, sample: Sample, side: NullSide) -> _Prepared:
        """Take mean and covariance, and the reference's own neighbours.

        Parameters
        ----------
        sample : Sample
            The codes.
        side : NullSide
            The null.

        Returns
        -------
        object
            For `statistics`.
        """
        return _Prepared(Normalised.of(sample.points), self._guessed(side.reference))

    def _guessed(self, sample: Sample) -> tuple[CodeArray, NDArray[np.int64], NDArray[np.float32]]:
        rows = sample.queries[: self.most_probes]
        return sample.points, rows, sample.neighbours.distances[: len(rows), self.votes - 1]

    def statistics(self, sample: Sample, prepared: _Prepared, rng: np.random.Generator) -> dict[Statistic, float]:  # noqa: ARG002
        """Take the figures of the codes or of a draw.

        Parameters
        ----------
        sample : Sample
            Codes or draw.
        prepared : object
            From `prepare`.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            Distances and accuracy, which decide, and Mardia's figures.
        """
        moments = prepared.moments
        whitened, leading = moments.coordinates(sample.points)
        squares = squared_lengths(whitened)
        accuracy = neighbour_accuracy(self._guessed(sample), prepared.reference, self.votes)
        return {
            Statistic("mahalanobis_ks"): mahalanobis_distance(squares, moments.rank),
            Statistic("axes_ks"): float(normal_distances(sample.points, moments.mean, moments.sd).max()),
            Statistic("components_ks"): float(normal_distances(leading).max()),
            Statistic("neighbour_accuracy", "both"): accuracy,
            Statistic("mardia_kurtosis", "both", "ratio", decides=False): mardia_kurtosis(squares, moments.rank),
            Statistic("mardia_skewness", decides=False): mardia_skewness(whitened[: self.most_pairs]),
        }

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:
        """Decide whether the codes are a multivariate normal cloud.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.normality.NormalityMeasure`.
        outcomes : sequence of Outcome
            Against `covariance`.

        Returns
        -------
        Verdict
            The claim `multivariate_normal`.
        """
        (outcome,) = outcomes
        margin = margin_of(_CLAIM)
        guesses = 2 * len(outcome.prepared.reference[1])
        bounds = [
            *(distance_bound(outcome, name) for name in ("mahalanobis_ks", "axes_ks", "components_ks")),
            accuracy_bound(outcome, "neighbour_accuracy", guesses),
        ]
        made = agree(bounds, margin, outcome)
        figures = f"{_figures(made, outcome, measurement)}, {bounded(made.bound, margin, outcome)}"
        if made.holds is None:
            return Verdict(_CLAIM, None, made.strength, f"{figures}: undecided, {made.why}.")
        if made.holds:
            return Verdict(
                _CLAIM,
                True,
                made.strength,
                f"{figures}; all others are smaller: the codes are a multivariate normal cloud, within the margin.",
                "Codes drawn from mean and covariance (the cloud covariance) can hardly be told from these.",
            )
        return Verdict(
            _CLAIM,
            False,
            made.strength,
            f"{figures}: the codes are no multivariate normal cloud.",
            "Codes drawn from mean and covariance alone miss this; compare images of a mixture.",
        )


def _figures(made: Agreement, outcome: Outcome, measurement: Measurement) -> str:
    """Say what differs most, without the bound."""
    values: dict[str, Any] = dict(measurement.values)
    name, share = made.bound.statistic, percent(made.bound.effect, 1)
    if name == "neighbour_accuracy":
        return f"The largest difference from a normal cloud is in the neighbours: {guessed(outcome, name, 'code')}"
    where = {
        "mahalanobis_ks": "in the Mahalanobis distances",
        "axes_ks": f"along axis {_largest(values['per_axis']['ks'])}",
        "components_ks": f"along principal component {_largest(values['components']['ks']) + 1}",
    }[name]
    return f"The largest difference from a normal cloud is {where}: at least {share} of the codes would have to move"


def _largest(distances: list[float | None]) -> int:
    return int(np.argmax([-1.0 if distance is None else distance for distance in distances]))
