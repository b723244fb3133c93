"""Verdicts that describe: no null decides them."""

from typing import Any

from zscope.measures.base import Measurement
from zscope.measures.words import counted
from zscope.nulls.base import Verdict, percent
from zscope.nulls.claims import HEADROOM, HEADROOM_STEP, PRIOR_SHIFT, PRIOR_WIDTH_RATIO

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
    found, ordinary, compared = values["dominating"], values["ordinary"], values["compared"]
    count, d = compared["count"], len(values["per_axis"]["mean"])
    which = "" if count == d else f"{compared['which']} "
    if not found:
        if count < 2:
            says = f"There is {'no' if count == 0 else 'only one'} {which}axis: there is nothing to compare."
        else:
            says = f"None of the {count} {which}axes dominates."
        return Verdict("dominating_axes", False, "descriptive", says)
    share = percent(sum(axis["share_of_square_radius"] for axis in found))
    verb, they = ("dominates", "It makes") if len(found) == 1 else ("dominate", "They make")
    return Verdict(
        "dominating_axes",
        True,
        "descriptive",
        f"{len(found)} of {count} {which}axes {verb}: {_listed([axis['axis'] for axis in found])}. {they} up {share} "
        f"of the mean square radius; the median of the others is {ordinary['fwhm']:.3g} wide at half height and "
        f"centred at {ordinary['centre']:.2g}.",
        _clouds_to_avoid(found),
    )


def _clouds_to_avoid(found: list[dict[str, Any]]) -> str | None:
    """Advise against clouds that know no axes: always for an autoencoder, else where the prior is missed along one."""
    if "aggregate_sd" not in found[0]:
        return (
            "Clouds that treat all axes alike (normal, uniform) miss the codes; "
            "draw from a cloud that keeps the covariance."
        )
    apart = [axis["axis"] for axis in found if _off_prior(axis["aggregate_mean"], axis["aggregate_sd"])]
    if not apart:
        return None
    if len(apart) == len(found):
        axes = "this axis" if len(apart) == 1 else "these axes"
    else:
        axes = f"{'axis' if len(apart) == 1 else 'axes'} {_listed(apart)}"
    return f"Along {axes} all posteriors together differ from N(0, 1): draw from a cloud that keeps the covariance."


def _off_prior(mean: float, sd: float | None) -> bool:
    wide = sd is None or not 1 / PRIOR_WIDTH_RATIO <= sd <= PRIOR_WIDTH_RATIO
    return wide or abs(mean) > PRIOR_SHIFT


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
    variational = "active_by_kl" in values
    apart = ""
    if values.get("disagree"):
        axes = f"{'axis' if len(values['disagree']) == 1 else 'axes'} {_listed(values['disagree'])}"
        apart = (
            f" By the variance alone it would be {values['active_by_variance']}, by the KL alone "
            f"{values['active_by_kl']}; they disagree on {axes}."
        )
    if active == d:
        what = "The only axis is active" if d == 1 else f"All {d} axes are active"
        return Verdict("collapsed_axes", False, "descriptive", f"{what} {rule}.{apart}")
    advice = None
    if active == 0 and variational:
        advice = "The codes carry nothing: lower the weight of the KL, or look for a fault in the training."
    elif active == 0:
        advice = "All codes are the same point: look for a fault in the training."
    elif suggested_dimension(active) < d:
        advice = (
            f"z_dim {suggested_dimension(active)} would do: {HEADROOM:g} times the "
            f"{counted(active, 'active axis', 'active axes')}, rounded up. "
            "Fewer axes make the same model smaller, not better."
        )
    if d == 1:
        says = f"The only axis has collapsed: it is not active {rule}.{apart}"
    else:
        verb, gone = "is" if active == 1 else "are", f"{d - active} {'has' if d - active == 1 else 'have'} collapsed"
        says = f"{active} of {d} axes {verb} active {rule}; {gone}.{apart}"
    return Verdict("collapsed_axes", True, "descriptive", says, advice)


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
