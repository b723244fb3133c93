"""What comes out when a measure is held against a null cloud."""

from dataclasses import asdict, dataclass
from typing import cast

from zscope.typing import JsonDict


def percent(share: float, places: int = 0) -> str:
    """Give a share in percent.

    Examples
    --------
    >>> percent(0.054, 1), percent(0.05)
    ('5.4 %', '5 %')
    """
    return f"{100 * share:.{places}f} %"


@dataclass(frozen=True)
class NullTest:
    """One statistic of the codes against the same statistic of null clouds.

    Attributes
    ----------
    statistic : str
        What was computed.
    value : float
        The codes' own figure.
    null : str
        Name of the null cloud.
    null_mean, null_sd : float
        Mean and standard deviation of the figure over the null draws; the latter has divisor draws − 1 and is 0 for one
        draw.
    draws : int
        How many null clouds were drawn.
    p : float
        (1 + number of null figures at least as extreme) / (draws + 1).
    effect : float
        How large the difference is, in the units that the statistic's test says.
    n, of : int
        Points used of points there are; nulls have the same number as was used.
    band : dict or None
        What a figure needs to draw the null behind the data.
    """

    statistic: str
    value: float
    null: str
    null_mean: float
    null_sd: float
    draws: int
    p: float
    effect: float
    n: int
    of: int
    band: JsonDict | None = None

    def as_json(self) -> JsonDict:
        """Give the test as JSON holds it.

        Returns
        -------
        dict
            Every field, under its own name.
        """
        return cast(JsonDict, asdict(self))


@dataclass(frozen=True)
class Verdict:
    """A claim decided, in words.

    Attributes
    ----------
    claim : str
        Name in `zscope.nulls.CLAIMS`.
    holds : bool or None
        None: undecided, or not testable.
    strength : str
        ``clear`` · ``narrow`` · ``undecided`` · ``not testable`` · ``descriptive``.
    says : str
        One or two plain sentences with the figures.
    advice : str or None
        What to do about it.
    """

    claim: str
    holds: bool | None
    strength: str
    says: str
    advice: str | None = None

    def as_json(self) -> JsonDict:
        """Give the verdict as JSON holds it.

        Returns
        -------
        dict
            Every field, under its own name.
        """
        return cast(JsonDict, asdict(self))
