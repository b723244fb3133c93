"""Draws of the posteriors, or an autoencoder's codes, against the prior N(0, I)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.goodness import law_distance, normal_distances
from zscope.measures.logvar import sampled_codes
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.radius import radii
from zscope.measures.sample import Sample
from zscope.measures.two_samples import gaussian_accuracy, neighbour_accuracy
from zscope.nulls.agreement import Agreement, accuracy_bound, agree, bounded, distance_bound, guessed, margin_of
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.outcome import Outcome, Statistic
from zscope.typing import CodeArray

_CLAIM = "prior_match"
_LEAST_ERROR = 0.01  # nats; a smaller standard error, such as one of rounding, is not told
_AT_BOUND = 0.9


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The reference's points, and which of them are guessed with the distances of their k-th neighbours."""

    reference: tuple[CodeArray, NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class PriorBattery(Battery):
    """Radius and axes against their exact laws, and two classifiers against draws, under the null `normal`.

    Of a variational autoencoder one draw of each posterior is tested: together they are a sample of the aggregate
    posterior. Of an autoencoder, or where there are no log-variances, the codes themselves are.

    Attributes
    ----------
    most_probes : int
        Points of either cloud that the neighbours guess.
    votes : int
        k: the 2 k − 1 nearest neighbours vote.
    """

    measure: ClassVar[str] = "prior"

    most_probes: int = 1000
    votes: int = 10

    def sample(self, codes: LatentCodes, rng: np.random.Generator) -> Sample:
        """Draw once from each of the posteriors that are tested.

        Parameters
        ----------
        codes : LatentCodes
            All codes.
        rng : numpy.random.Generator
            The choice, and the noise.

        Returns
        -------
        Sample
            Draws; the shared sample of the codes where there are no log-variances.
        """
        if codes.logvar is None:
            return codes.sample
        rows = rng.permutation(codes.n)[: codes.max_points]
        with np.errstate(over="ignore"):
            draws = sampled_codes(codes.mean[rows], codes.logvar[rows], rng, None).astype(np.float32)
        found = Sample.of_codes(draws, rng, max_points=codes.max_points, max_queries=codes.max_queries)
        return Sample(found.points, found.queries, of=codes.n, duplicates=found.duplicates)

    def untestable(self, sample: Sample) -> str | None:
        """Say whether all draws are finite.

        Parameters
        ----------
        sample : Sample
            From `sample`.

        Returns
        -------
        str or None
            The reason why not.
        """
        return None if np.isfinite(sample.points).all() else "some draws of the posteriors are beyond float32"

    def nulls(self, sample: Sample) -> tuple[str, ...]:  # noqa: ARG002 - it always applies
        """Name the null: the prior.

        Parameters
        ----------
        sample : Sample
            The draws.

        Returns
        -------
        tuple of str
            ``normal``.
        """
        return ("normal",)

    def prepare(self, sample: Sample, side: NullSide) -> _Prepared:  # noqa: ARG002 - the null shares nothing with it
        """Find the reference's own neighbours.

        Parameters
        ----------
        sample : Sample
            The draws.
        side : NullSide
            The null.

        Returns
        -------
        object
            For `statistics`.
        """
        return _Prepared(self._guessed(side.reference))

    def _guessed(self, sample: Sample) -> tuple[CodeArray, NDArray[np.int64], NDArray[np.float32]]:
        rows = sample.queries[: self.most_probes]
        found = nearest_neighbours(sample.points, self.votes, queries=rows)
        return sample.points, rows, found.distances[:, -1]

    def statistics(self, sample: Sample, prepared: _Prepared, rng: np.random.Generator) -> dict[Statistic, float]:  # noqa: ARG002
        """Take the figures of the draws of the posteriors or of the prior.

        Parameters
        ----------
        sample : Sample
            Either.
        prepared : object
            From `prepare`.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            Two distances and two accuracies.
        """
        squares = np.square(np.sort(radii(sample.points)))
        probabilities = np.asarray(gammainc(sample.dimension / 2, squares / 2), dtype=np.float64)
        points, _, _ = prepared.reference
        return {
            Statistic("radius_ks"): float(law_distance(probabilities)),
            Statistic("axes_ks"): float(normal_distances(sample.points).max()),
            Statistic("gaussian_accuracy"): gaussian_accuracy(sample.points, points),
            Statistic("neighbour_accuracy", "both"): neighbour_accuracy(
                self._guessed(sample), prepared.reference, self.votes
            ),
        }

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:
        """Decide whether the aggregate posterior matches the prior.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.prior.PriorMeasure`.
        outcomes : sequence of Outcome
            Against `normal`.

        Returns
        -------
        Verdict
            The claim `prior_match`.
        """
        (outcome,) = outcomes
        margin = margin_of(_CLAIM)
        bounds = [
            distance_bound(outcome, "radius_ks"),
            distance_bound(outcome, "axes_ks"),
            accuracy_bound(outcome, "gaussian_accuracy", 2 * (outcome.n - outcome.n // 2)),
            accuracy_bound(outcome, "neighbour_accuracy", 2 * len(outcome.prepared.reference[1])),
        ]
        made = agree(bounds, margin, outcome)
        values: dict[str, Any] = dict(measurement.values)
        variational = values["of"] == "posterior draws"
        figures = f"{_figures(made, outcome, values)}, {bounded(made.bound, margin, outcome, values['of'])}"
        surgery = _surgery(values["surgery"]) if variational else ""
        free = "" if variational else " Nothing in the training of an autoencoder asks for N(0, I)."
        if made.holds is None:
            return Verdict(_CLAIM, None, made.strength, f"{figures}: undecided, {made.why}.{surgery}{free}")
        if made.holds:
            return Verdict(
                _CLAIM,
                True,
                made.strength,
                f"{figures}; all others are smaller: the {values['of']} match N(0, I), within the margin.{surgery}"
                f"{free}",
                "N(0, I) is a cloud to draw codes from (the cloud normal).",
            )
        return Verdict(
            _CLAIM,
            False,
            made.strength,
            f"{figures}: the {values['of']} do not match N(0, I).{surgery}{free}",
            "Draw from a cloud that is fitted to the codes (covariance, mixture), not from N(0, I).",
        )


def _figures(made: Agreement, outcome: Outcome, values: dict[str, Any]) -> str:
    """Say what differs most, without the bound."""
    name, share = made.bound.statistic, percent(made.bound.effect, 1)
    start, one = "The largest difference from N(0, I) is", values["of"].removesuffix("s")
    if name == "neighbour_accuracy":
        return f"{start} in the neighbours: {guessed(outcome, name, one)}"
    if name == "gaussian_accuracy":
        return f"{start} in mean and covariance: {guessed(outcome, name, one)}"
    where = "in the radius" if name == "radius_ks" else "along an axis"
    return f"{start} {where}: at least {share} of the {values['of']} would have to move"


def _surgery(found: dict[str, Any]) -> str:
    """Say what of the KL tells images apart."""
    information, bound = found["mutual_information"], found["bound"]
    if information is None:
        return ""
    more = ", of which more codes would move a part to the former" if information > _AT_BOUND * bound else ""
    error = found["standard_error"]
    told = f"{information:.1f} (± {f'{error:.1g}' if error >= _LEAST_ERROR else f'less than {_LEAST_ERROR}'})"
    return (
        f" Of the KL of {found['mean_kl']:.1f} nats {told} tell images apart (at most {bound:.1f}, the "
        f"logarithm of {found['n']:,} codes); the rest, {max(found['marginal_kl'], 0.0):.1f}, is the distance of all "
        f"posteriors together from N(0, I){more}."
    )
