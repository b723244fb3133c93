"""The t-SNE map of codes against maps of null clouds: does it fall into more pieces than a map does by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.fragmentation import LOOKED_AT, fragmentation, kept_neighbours
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.sample import Sample
from zscope.measures.tsne import MapSetting, tsne_map, unmappable
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.claims import SHARE_MARGIN
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.structure import NULL_WORDS, Decision, decide, why_not

_CLAIM = "map_structure"

OUTSIDE, KEPT = "outside", "kept_neighbours"
"""The figure that decides, and how many neighbours the tested maps keep."""

TESTED = MapSetting("tested", iterations=150, early=100)
"""How the tested maps are made."""


@dataclass(frozen=True)
class MapBattery(Battery):
    """How far a t-SNE map falls into pieces, against maps of null clouds made in the very same way.

    Each null cloud costs a map, so that the tested maps are small and short: of 2,000 codes at most, with the standard
    exaggeration and perplexity, in 150 steps, 100 of them with exaggeration. Mild groups stand out most clearly on
    such a map: with more steps t-SNE spreads the points evenly over gaps that are narrow. What is found out is whether
    codes give more fragments than a smooth cloud does; the picture of more codes in more steps is not what is tested.

    The share of the points outside the largest group decides (``outside``). The others add evidence: clusters by
    HDBSCAN, long edges of the minimal spanning tree, and kept neighbours. There are few of them, since every figure
    makes it harder for the one that decides to stand out.

    Attributes
    ----------
    points : int
        Codes on a map.
    setting : MapSetting
        How a map is made.
    """

    measure: ClassVar[str] = "tsne"

    points: int = LOOKED_AT
    setting: MapSetting = TESTED

    def sample(self, codes: LatentCodes, rng: np.random.Generator) -> Sample:  # noqa: ARG002 - the first are random
        """Take the first points of the sample that all measures share.

        Parameters
        ----------
        codes : LatentCodes
            All codes.
        rng : numpy.random.Generator
            Not used: the points of a sample are in random order.

        Returns
        -------
        Sample
            The codes on the tested maps.
        """
        shared = codes.sample
        points = shared.points[: self.points]
        return Sample(points, np.arange(len(points)), of=shared.of)

    def untestable(self, sample: Sample) -> str | None:
        """Say why this sample cannot be tested so.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        str or None
            Why no map can be made of them.
        """
        return unmappable(sample.points)

    def nulls(self, sample: Sample) -> tuple[str, ...]:  # noqa: ARG002 - the same for every sample
        """Name the nulls.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            Three names.
        """
        return ("covariance", "elliptical", "copula")

    def prepare(self, sample: Sample, side: NullSide) -> None:
        """Nothing is needed.

        Parameters
        ----------
        sample : Sample
            The codes.
        side : NullSide
            The null.
        """

    def statistics(self, sample: Sample, prepared: None, rng: np.random.Generator) -> dict[Statistic, float]:  # noqa: ARG002
        """Make a map and take its figures.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw.
        prepared : None
            Nothing.
        rng : numpy.random.Generator
            Of the jitter at the start of the map.

        Returns
        -------
        dict of Statistic to float
            See `zscope.measures.fragmentation`.
        """
        near = nearest_neighbours(sample.points, self.setting.neighbours(sample.n))
        made = tsne_map(sample.points, self.setting, int(rng.integers(2**31)), neighbours=near)
        seen = fragmentation(made.coordinates)
        return {
            Statistic(OUTSIDE): seen.outside,
            Statistic("hdbscan_groups", decides=False): float(seen.hdbscan_groups),
            Statistic("gap", effect="ratio", decides=False): seen.gap,
            Statistic(KEPT, decides=False): kept_neighbours(made.coordinates, near.indices),
        }

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:  # noqa: ARG002
        """Decide the claim `map_structure`.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.tsne.TsneMeasure`.
        outcomes : sequence of Outcome
            One a null.

        Returns
        -------
        Verdict
            With the share, that of the null that comes nearest to the codes, p, and how the tested maps were made.
        """
        decision, outcome = decide(_CLAIM, outcomes), outcomes[0]
        figures = (
            f"{percent(decision.value)} of the points lie outside the largest group on a map of the codes, "
            f"{percent(decision.null_mean)} on one of {NULL_WORDS[decision.null]} (p = {decision.p:.2g})"
        )
        chosen = f"all {outcome.n:,}" if outcome.n == outcome.of else f"{outcome.n:,} of {outcome.of:,}"
        tested = (
            f"Tested were maps of {chosen} codes in {self.setting.iterations} steps, not the picture that is shown."
        )
        if decision.why == "beyond":
            says = f"The t-SNE map falls into more pieces than that of a smooth cloud: {figures}"
        else:
            says = why_not(
                decision,
                len(outcome.draws),
                figures,
                too_small=f"{percent(SHARE_MARGIN)} of the points more,",
                unseen=f"The t-SNE map is not seen to fall into more pieces than that of a smooth cloud: {figures}",
            )
        return Verdict(_CLAIM, decision.holds, decision.strength, f"{says}. {tested}", _advice(decision))


def _advice(decision: Decision) -> str | None:
    if decision.why == "not seen":
        return "Read no clusters from the t-SNE map: a cloud without any gives such pieces too."
    return None
