"""Verdicts that describe: no null decides them."""

from typing import Any

from zscope.measures.base import Measurement
from zscope.nulls.base import Verdict
from zscope.nulls.claims import HEADROOM, HEADROOM_STEP

_NAMED = 12


def dominating_verdict(measurement: Measurement) -> Verdict:
    """Say which axes dominate.

    Parameters
    ----------
    measurement : Measurement
        Of `zscope.measures.axes.AxesMeasure`.

    Returns
    -------
    Verdict
        The claim `dominating_axes`; it holds if there are any.
    """
    values: dict[str, Any] = dict(measurement.values)
    found, ordinary = values["dominating"], values["ordinary"]
    d = len(values["per_axis"]["mean"])
    if not found:
        return Verdict("dominating_axes", False, "descriptive", f"None of the {d} axes dominates.")
    share = sum(axis["share_of_square_radius"] for axis in found)
    verb, they = ("dominates", "It makes") if len(found) == 1 else ("dominate", "They make")
    return Verdict(
        "dominating_axes",
        True,
        "descriptive",
        f"{len(found)} of {d} axes {verb}: {_listed([axis['axis'] for axis in found])}. {they} up {share:.0%} of "
        f"the mean square radius; the other axes are {ordinary['fwhm']:.3g} wide at half height and centred at "
        f"{ordinary['centre']:.2g}.",
        "Clouds that treat all axes alike (normal, uniform) miss the codes; draw from one that keeps the covariance.",
    )


def collapsed_verdict(measurement: Measurement) -> Verdict:
    """Say how many axes have collapsed, and how many latent dimensions would do.

    Parameters
    ----------
    measurement : Measurement
        Of `zscope.measures.activity.ActivityMeasure`.

    Returns
    -------
    Verdict
        The claim `collapsed_axes`; it holds if there are any.
    """
    values: dict[str, Any] = dict(measurement.values)
    active, d = values["active"], values["dimension"]
    rule = f"({values['criterion']})"
    disagree = values.get("disagree", [])
    apart = ""
    if disagree:
        apart = (
            f" By the variance alone it would be {values['active_by_variance']}, by the KL alone "
            f"{values['active_by_kl']}; they disagree on {_listed(disagree)}."
        )
    if active == d:
        return Verdict("collapsed_axes", False, "descriptive", f"All {d} axes are active {rule}.{apart}")
    verb = "is" if active == 1 else "are"
    advice = None
    if active == 0:
        advice = "The codes carry nothing: lower the weight of the KL, or look for a fault in the training."
    elif suggested_dimension(active) < d:
        advice = (
            f"z_dim {suggested_dimension(active)} would do: {HEADROOM:g} times the {active} active axes, rounded up. "
            "Fewer axes make the same model smaller, not better."
        )
    return Verdict(
        "collapsed_axes",
        True,
        "descriptive",
        f"{active} of {d} axes {verb} active {rule}; {d - active} have collapsed.{apart}",
        advice,
    )


def suggested_dimension(active: int) -> int:
    """Latent dimensions that would do for so many active axes: 1.5 times as many, rounded up to a multiple of 16.

    Parameters
    ----------
    active : int
        Active axes, at least 1.

    Returns
    -------
    int
        48 for 31; up to 32 only rounded up to an even number.
    """
    wanted = -int(-active * HEADROOM // 1)
    step = HEADROOM_STEP if wanted > 2 * HEADROOM_STEP else 2
    return -(-wanted // step) * step


def _listed(axes: list[int]) -> str:
    named = ", ".join(str(axis) for axis in axes[:_NAMED])
    return named if len(axes) <= _NAMED else f"{named} and {len(axes) - _NAMED} more"
