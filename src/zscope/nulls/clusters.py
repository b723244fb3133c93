"""Clusters and the inertia curve, held against null clouds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zscope.clouds.moments import gaussian_factor, mean_and_covariance
from zscope.measures.base import Measurement
from zscope.measures.clusters import dips, too_few_for_clusters
from zscope.measures.dip import dip
from zscope.measures.inertia import inertia_curve
from zscope.measures.sample import Sample
from zscope.measures.valleys import HALF, halves, separation
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.claims import SHARE_MARGIN
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.structure import NULL_WORDS, Decision, decide, why_not
from zscope.typing import CodeArray

_CLAIM = "clusters"
_SHARE = Statistic("separated_share")
_INERTIA = Statistic("held_out_inertia", "low", "ratio", decides=False)
_DIP = Statistic("dip", "high", "ratio", decides=False)
_HOPKINS = Statistic("hopkins", decides=False)

_PROBES = 250
"""Places of the null whose nearest code is looked for: their mean distance is known to a sixteenth of its spread."""

_TWO_PEAKS = 0.8
"""Dip of an axis, times the root of the number of codes, from which on it has two peaks. One sample in a thousand of a
uniform distribution, the flattest with one peak, has 0.71 or more."""


@dataclass(frozen=True)
class ClustersBattery(Battery):
    """Whether codes fall into groups with valleys of density between them.

    The share of the codes that valleys separate from the largest group (``separated_share``) decides; see
    `zscope.measures.valleys`. Evidence: the mean squared distance to the nearest of the first centres, of codes that
    they were not fitted to, as a ratio to the null's (``held_out_inertia``); the largest dip among the leading ten
    components (``dip``); and Hopkins' statistic with the null in the place of a box (``hopkins``): the mean distance
    from places of the null to the nearest code over the sum of it and the mean distance from a code to the nearest
    other, 0.5 for a cloud that is like the null (Hopkins & Skellam 1954; against a box even Gaussians show 0.65).

    Nulls: `covariance` and `elliptical`; `copula` too where no axis has two peaks of its own. Where one has, that null
    would keep the groups, as it keeps every axis's distribution. Codes that vary along one direction only are held
    against `covariance` alone, as the other two would repeat them.
    """

    measure: ClassVar[str] = "clusters"

    def untestable(self, sample: Sample) -> str | None:
        """Say why this sample cannot be tested so.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        str or None
            The reason in words, without a full stop.
        """
        return too_few_for_clusters(sample.n)

    def nulls(self, sample: Sample) -> tuple[str, ...]:
        """Name the nulls that apply.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            One to three names.
        """
        if gaussian_factor(mean_and_covariance(sample.points)[1]).shape[1] == 1:
            return ("covariance",)
        used = sample.points[:HALF]
        two_peaks = any(dip(axis) > _TWO_PEAKS / np.sqrt(len(used)) for axis in used.T)
        return ("covariance", "elliptical") if two_peaks else ("covariance", "elliptical", "copula")

    def prepare(self, sample: Sample, side: NullSide) -> CodeArray:  # noqa: ARG002 - the places are the null's
        """Take places of the null.

        Parameters
        ----------
        sample : Sample
            The codes.
        side : NullSide
            The null.

        Returns
        -------
        ndarray of shape (p, d)
            Points of the reference draw.
        """
        return side.reference.points[:_PROBES]

    def statistics(
        self,
        sample: Sample,
        prepared: CodeArray,
        rng: np.random.Generator,  # noqa: ARG002 - centres start at the first points, which are in random order
    ) -> dict[Statistic, float]:
        """Take the separated share, and what else speaks for groups.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw.
        prepared : ndarray of shape (p, d)
            From `prepare`.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            Four figures.
        """
        split = halves(sample.points)
        found = separation(split)
        from_null = float(sample.nearest_to(prepared).mean(dtype=np.float64))
        between = float(sample.neighbours.distances[:, 0].mean(dtype=np.float64))
        return {
            _SHARE: found.share,
            _INERTIA: found.inertia,
            _DIP: max(dips(split)),
            _HOPKINS: from_null / (from_null + between),
        }

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:
        """Decide the claim `clusters`.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.clusters.ClustersMeasure`.
        outcomes : sequence of Outcome
            One a null.

        Returns
        -------
        Verdict
            With the number of groups where the claim holds.
        """
        decision = decide(_CLAIM, outcomes)
        figures = _figures(decision, outcomes[0])
        if decision.why == "beyond":
            shares: Any = measurement.values["groups"]
            says = f"The codes fall into clusters. {figures}.{_groups(shares)}"
            return Verdict(_CLAIM, True, decision.strength, says, _advice(shares, decision))
        says = why_not(
            decision,
            len(outcomes[0].draws),
            figures,
            too_small=f"{percent(SHARE_MARGIN)} of the codes beyond chance,",
            unseen=f"No clusters are seen. {figures}",
        )
        return Verdict(_CLAIM, decision.holds, decision.strength, f"{says}.", None)


def _groups(shares: list[float]) -> str:
    if len(shares) < 2:
        return ""
    return (
        f" Cut wherever the density sinks by a quarter or more, they make about {len(shares)} groups, of "
        f"{percent(shares[-1], 1)} to {percent(shares[0], 1)} of the codes."
    )


def _advice(shares: list[float], decision: Decision) -> str:
    number = f"{len(shares)} Gaussians or more" if len(shares) > 1 else "Gaussians"
    return (
        f"Draw from a mixture of {number}: one cloud for all would put codes into the valleys, beyond which "
        f"{percent(decision.value)} of the codes lie."
    )


def _figures(decision: Decision, outcome: Outcome) -> str:
    n = min(outcome.n, 2 * HALF)
    used = f"{n:,} codes" if n == outcome.of else f"{n:,} of {outcome.of:,} codes"
    return (
        f"Valleys separate {percent(decision.value, 1)} of the codes from the largest group, and "
        f"{percent(decision.null_mean, 1)} in {NULL_WORDS[decision.null]} (p = {decision.p:.2g}, {used})"
    )


@dataclass(frozen=True)
class InertiaBattery(Battery):
    """The inertia curve of k-means against the same curve of Gaussian clouds with the codes' mean and covariance.

    The gap statistic (Tibshirani, Walther & Hastie 2001), with these clouds in the place of a box: the mean over the
    draws of the logarithm of the inertia at k centres, less that of the codes (``log_inertia_K``, both sampled alike).
    A Gaussian's curve has an "elbow" too; only where the codes' differs from it has it something to say. No claim.
    """

    measure: ClassVar[str] = "inertia"
    most_draws: ClassVar[int | None] = 20

    numbers: tuple[int, ...] = (2, 4, 8, 14, 20, 30, 40, 50, 60, 70, 80)
    points: int = 10_000

    def nulls(self, sample: Sample) -> tuple[str, ...]:  # noqa: ARG002 - one null for all
        """Name the null.

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

    def statistics(
        self,
        sample: Sample,
        prepared: None,  # noqa: ARG002 - nothing is
        rng: np.random.Generator,
    ) -> dict[Statistic, float]:
        """Take the logarithm of the inertia for several numbers of centres.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw.
        prepared : None
            Nothing.
        rng : numpy.random.Generator
            Chooses where centres start.

        Returns
        -------
        dict of Statistic to float
            Natural logarithms of squared latent units.
        """
        used = sample.points[: self.points]
        # With hardly more codes than centres the inertia tells how many codes there are, and may be 0.
        numbers = [k for k in self.numbers if 5 * k <= len(used)]
        curve = inertia_curve(used, numbers, rng)
        least = np.finfo(np.float64).tiny
        return {
            Statistic(f"log_inertia_{k}", "both", decides=False): float(np.log(max(inertia, least)))
            for k, inertia in zip(numbers, curve, strict=True)
        }

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - no claim
        """Decide nothing.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.inertia.InertiaMeasure`.
        outcomes : sequence of Outcome
            One.
        """
        return
