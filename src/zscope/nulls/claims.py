"""The table of claims: which there are, by which margin they are decided, and why by that one.

Every threshold of a verdict stands here and nowhere else.
"""

from dataclasses import dataclass
from typing import Literal

LEVEL = 0.01
"""Level of a test within a claim."""

CONFIDENCE = 0.99
"""Coverage of an effect's upper bound."""

LEAST_POINTS = 50
"""Below this many codes nothing is tested: the upper bound of any effect is then above 0.2."""

LEAST_POINTS_PER_DIMENSION = 2
"""Null clouds share all d (d + 3) / 2 moments with the data; with fewer points they have hardly a choice left."""

HEADROOM = 1.5
"""Suggested latent dimensions to active ones: enough that a retrained model is not held back by the suggestion."""

HEADROOM_STEP = 16
"""Suggested latent dimensions are rounded up to a multiple of this, or up to twice as many only to an even number."""


@dataclass(frozen=True)
class Claim:
    """A claim that codes can be held to.

    Attributes
    ----------
    name : str
        As in a verdict.
    measure : str
        The measure that it belongs to.
    kind : {"agreement", "structure", "descriptive"}
        Agreement holds if the effect's upper bound lies under the margin; structure holds if every null is beaten by
        more than the margin; a descriptive claim has neither null nor margin.
    asks : str
        The question in words.
    margin : float or None
        Bound on the effect.
    effect : str
        What the effect is, and in which unit.
    reason : str
        Why this margin.
    """

    name: str
    measure: str
    kind: Literal["agreement", "structure", "descriptive"]
    asks: str
    margin: float | None
    effect: str
    reason: str


PRIOR_WIDTH_RATIO, PRIOR_SHIFT = 1.25, 0.5
"""All posteriors together differ from N(0, 1) along an axis by this ratio of sd, or by this much of a shift: visibly,
by the bounds that make an axis dominate."""

RADIUS_MARGIN = 0.05
"""See the claim `radius_explained`."""

DISTANCE_MARGIN = 0.05
"""Kolmogorov–Smirnov distances and accuracies of agreement claims: a share of the codes, or of right guesses beyond
one half."""

DIMENSION_MARGIN = 0.75
"""See the claim `low_dimensional`."""

FILAMENT = 1.5
"""Up to this dimension at some scale codes lie on filaments: a curve has 1, and what is seen of it is a little more."""

SHARE_MARGIN = 0.2
"""See the claims `clusters` and `map_structure`."""

VOID_MARGIN = 0.1
"""See the claim `voids`."""

SPACE_MARGIN = 0.05
"""See the claim `same_space`."""

RUNS_LEVEL = 0.05
"""Level of either one-sided test over runs: runs are dear, and at 1 % it would take 28 of each model instead of 18 for
a margin of one standard deviation over seeds."""

LEAST_RUNS = 3
"""Runs of a model from which its variation over seeds can be estimated: one left out, two still make a pair."""

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        Claim(
            "radius_explained",
            "radius",
            "agreement",
            "Do mean and covariance alone explain how the radii of the codes are distributed?",
            RADIUS_MARGIN,
            "Kolmogorov–Smirnov distance: at least this share of the codes would have to change radius",
            "independent axes with a gamma(3) distribution, whose radius spreads 1.41 times as much as a Gaussian's of "
            "the same covariance, are at 0.09 in 256 dimensions: that must not pass as explained. It takes about 3,300 "
            "codes to say that it holds, since with fewer the upper bound lies above the margin anyhow",
        ),
        Claim(
            "multivariate_normal",
            "normality",
            "agreement",
            "Are the codes a multivariate normal cloud?",
            DISTANCE_MARGIN,
            "the largest of: Kolmogorov–Smirnov distance of the Mahalanobis distances, of any axis, of any leading "
            "component; accuracy of a nearest-neighbour classifier, codes against null draw, beyond that of null draws",
            "gamma(3) axes are at 0.08 along an axis and at 0.10 in Mahalanobis distance: that must not pass as "
            "normal. Below it, as far as these four figures see, one code in twenty lies elsewhere than the normal "
            "cloud puts it",
        ),
        Claim(
            "low_dimensional",
            "dimension",
            "structure",
            "Do the codes lie on something of fewer dimensions than a smooth cloud with their covariance?",
            DIMENSION_MARGIN,
            "doubling dimension over that of the null, at one stated scale",
            "above it at most a quarter of the dimensions is missing, which mild clusters alone bring about; planted "
            "curves and sheets are below 0.7 at some scale",
        ),
        Claim(
            "clusters",
            "clusters",
            "structure",
            "Do the codes fall into clusters?",
            SHARE_MARGIN,
            "share of the codes that valleys of density separate from the largest group, beyond the null's share",
            "a fifth of the codes: below it there are outlying groups beside a cloud that is one, and a sampler may "
            "leave them aside",
        ),
        Claim(
            "voids",
            "voids",
            "structure",
            "Are there voids where a smooth cloud would have codes?",
            VOID_MARGIN,
            "share of the null's mass that lies further from the codes than chance explains, beyond the 5 % of chance",
            "a tenth of the random codes: that many images from a fitted Gaussian would come from where codes are "
            "missing or much sparser. A region of half the density adds 15 % of its own mass",
        ),
        Claim(
            "prior_match",
            "prior",
            "agreement",
            "Does the aggregate posterior match the prior N(0, I)?",
            DISTANCE_MARGIN,
            "the largest of: Kolmogorov–Smirnov distance of the radius, of any axis; accuracy of two classifiers, "
            "codes against prior, beyond that of draws of the prior",
            "one code in twenty, or one guess in twenty: below it, as far as these four figures see, draws from the "
            "prior can hardly be told from codes",
        ),
        Claim(
            "map_structure",
            "tsne",
            "structure",
            "Is the t-SNE map more fragmented than the map of a smooth cloud?",
            SHARE_MARGIN,
            "share of the mapped codes outside the largest group, beyond the null's share",
            "a fifth of the codes: maps of two-dimensional Gaussian clouds put half of their points and more outside "
            "the largest group by themselves, of five-dimensional ones a quarter, with a spread of as much",
        ),
        Claim(
            "same_space",
            "alike",
            "agreement",
            "Are two models one latent space, as far as another seed of either would be?",
            SPACE_MARGIN,
            "the largest of: R² between the models minus R² between seeds of one; the same of the share of common "
            "neighbours; ratio of the radii's peaks minus one",
            "a twentieth of the variance, of the neighbours or of the radius (0.8 latent units at a peak of 16). Radii "
            "of one autoencoder of digits peak 5 % apart over seeds, so that about 20 runs of each decide it; a margin "
            "of 3 % would take 50 to 80",
        ),
        Claim(
            "dominating_axes",
            "axes",
            "descriptive",
            "Which axes are much wider than the others, or off their centre?",
            None,
            "number of axes",
            "no null decides it, since every null that keeps the axes keeps this",
        ),
        Claim(
            "collapsed_axes",
            "activity",
            "descriptive",
            "Which axes carry nothing?",
            None,
            "number of axes",
            "no null decides it: it is a statement about the model's use of its axes",
        ),
    )
}
"""Every claim by name."""
