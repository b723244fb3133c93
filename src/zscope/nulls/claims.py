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
            "the same covariance, are at 0.09 in 256 dimensions: that must not pass as explained. It takes about 2,800 "
            "codes to say that it holds, since with fewer the upper bound lies above the margin anyhow",
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
