"""What a judge says of a set of images."""

from dataclasses import dataclass, fields

from zscope.judging.intervals import Score
from zscope.typing import JsonDict


@dataclass(frozen=True)
class Scores:
    """Scores of n images; every one with a 95 % interval.

    Attributes
    ----------
    n : int
        Images that were judged. FD and coverage depend on it: compare scores at equal n only.
    real : int
        Training images whose neighbourhoods density and coverage are about: n, or all if there are fewer.
    expected_coverage : float
        Coverage that images drawn as the training images are would have.
    chance_two_sample : tuple of two float
        Between which the accuracy lies in 95 of 100 cases if nothing tells the images from real ones.
    fd : Score
        Fréchet distance to all training images in learned features, in squared standard deviations.
    fd_random : Score
        The same in features of a random network.
    density : Score
        How thick the images lie where real ones are: 1 if they are drawn alike.
    coverage : Score
        Share of real images that have one near.
    two_sample : Score
        Accuracy of a classifier that tells them from as many real ones: 0.5 if it cannot.
    meaningful : Score
        Share of images as near to a training image as 95 % of held-out real images are.
    meaningful_of_reconstructions : Score or None
        The same against 95 % of held-out reconstructions, since no sampler can beat its decoder; None where the judge
        knows none.
    memorised : Score
        Share of images nearer to a training image, in learned features, than 95 % of held-out ones are: some 5 % if
        the model has not learnt its training images by heart.
    copies : Score
        Share of images whose thumbnail is nearer to that of a training image than 99 % of held-out ones are.
    fd_reconstructions : Score or None
        Fréchet distance to reconstructions of training images in learned features: the same decoder made both, so that
        its blur does not count. None where the judge knows none.
    nearest_code : Score or None
        Mean distance of the images' codes to the nearest training code, over the spread of these; None if not given.
    cycle : Score or None
        Mean |encode(decode(z)) − z| over that spread; None if not given.
    """

    n: int
    real: int
    expected_coverage: float
    chance_two_sample: tuple[float, float]
    fd: Score
    fd_random: Score
    density: Score
    coverage: Score
    two_sample: Score
    meaningful: Score
    meaningful_of_reconstructions: Score | None
    memorised: Score
    copies: Score
    fd_reconstructions: Score | None = None
    nearest_code: Score | None = None
    cycle: Score | None = None

    @property
    def scores(self) -> dict[str, Score]:
        """The scores that there are, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Score)}

    def as_json(self) -> JsonDict:
        """Return all of it: each score as ``{"value": …, "low": …, "high": …}``, those that are None left out."""
        return {
            "n": self.n,
            "real": self.real,
            "expected_coverage": self.expected_coverage,
            "chance_two_sample": list(self.chance_two_sample),
            **{name: score.as_json() for name, score in self.scores.items()},
        }
