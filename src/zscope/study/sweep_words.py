"""A sweep in sentences: from which weight on random codes decode, where units collapse, what it costs, and minima."""

from collections.abc import Sequence
from statistics import median

from zscope.measures.words import counted
from zscope.study.payload import Finding
from zscope.study.repeats import LOSS_FLOOR, LOSS_GAP, RADIUS_GAP, Repeats
from zscope.study.sweep import Sweep, SweepCurve
from zscope.study.transition import COLLAPSED, Crossing

FIGURE = "sweep"

SHARP, LEAST_SHARP = 0.5, 0.05
"""A weight blurs reconstructions that are meaningful in less than this part of the best smaller weight's, or share."""

MOST_NAMED = 6
"""Groups of runs with several minima that are told one by one."""


def sweep_findings(sweep: Sweep) -> tuple[Finding, ...]:
    """Say what a sweep found.

    Parameters
    ----------
    sweep : Sweep
        Weights, seeds, or both.

    Returns
    -------
    tuple of Finding
        For each curve where random codes start to decode, where units collapse and what it costs; then the minima.
    """
    found = [finding for curve in sweep.curves for finding in _of_curve(sweep, curve)]
    return (*found, *_of_repeats(sweep.repeats, bool(sweep.curves)))


def _of_curve(sweep: Sweep, curve: SweepCurve) -> list[Finding]:
    of = f" ({curve.label})" if curve.label else ""
    sizes = f"{counted(len(curve.weights), 'weight')} and {counted(len(curve.seeds), 'seed')}"
    head = f"KL sweep of {sizes}{of}: "
    strength = "undecided" if curve.decodes.state == "undecided" else "descriptive"
    decodes = Finding(head + _decodes(sweep, curve), _advice(sweep, curve), strength=strength, figure=FIGURE)
    units = " ".join(filter(None, (_collapses(sweep, curve), _cost(sweep, curve))))
    return [decodes, Finding(f"{head}{units[0].lower()}{units[1:]}", figure=FIGURE)]


def _decodes(sweep: Sweep, curve: SweepCurve) -> str:
    """Say from which weight on N(0, I) codes decode, with the shares there."""
    found = curve.decodes
    if found.state == "not measured" and found.why:
        return f"whether codes from N(0, I) decode is not asked: {found.why}."
    if found.state == "not measured":
        return "whether codes from N(0, I) decode is not known: no ladder was scored."
    if found.state == "not reached":
        most = max(found.decided, key=lambda weight: curve.middle("relative_normal", weight) or 0.0)
        which = "that decides it" if found.why else "of this sweep"
        return (
            f"codes from N(0, I) do not decode at any weight {which}; at most {_shares(curve, most)}, at "
            f"{_weight(sweep, most)}{_beside(found)}."
        )
    if found.weight is None or found.state == "undecided":
        return f"from which weight on codes from N(0, I) decode is undecided: {_why(sweep, found)}."
    if found.state == "from the smallest":
        return (
            f"codes from N(0, I) decode from the smallest weight on, {_weight(sweep, found.weight)}{_over(found)}: "
            f"there {_shares(curve, found.weight)}{_beside(found)}."
        )
    return (
        f"codes from N(0, I) start to decode at {_weight(sweep, found.weight)}{_over(found)}: there "
        f"{_shares(curve, found.weight)}; at the weight below, {_number(found.before)}, "
        f"{_percent(found.value_before)}{_beside(found)}."
    )


def _beside(found: Crossing) -> str:
    return f"; {found.why}" if found.why else ""


def _why(sweep: Sweep, found: Crossing) -> str:
    alone = "" if found.weight is None else f" (the median alone gives {_weight(sweep, found.weight)})"
    return f"{found.why}{alone}"


def _shares(curve: SweepCurve, weight: float) -> str:
    found = curve.decodes
    normal = _percent(found.value if weight == found.weight else curve.middle("relative_normal", weight))
    meaningful, most = (
        _percent(curve.middle(name, weight)) for name in ("meaningful_normal", "meaningful_reconstructions")
    )
    rows = [row for row in curve.rows if row.weight == weight and row.fitted not in (None, "normal", "prior")]
    names = " or ".join(sorted({str(row.fitted) for row in rows}))
    shares = [share for row in rows if (share := row.values["relative_fitted"]) is not None]
    other = f" ({_percent(median(shares))} from the sampler that is fitted to codes, {names})" if shares else ""
    return (
        f"{normal} of their images{other} are as near to training images as 95 % of reconstructions are; as near as 95 "
        f"% of held-out images are {meaningful}, and {most} of reconstructions"
    )


def _advice(sweep: Sweep, curve: SweepCurve) -> str | None:
    found = curve.decodes
    if found.known and found.weight is not None:
        return _drawing(sweep, curve, found.weight)
    if found.state == "not reached":
        larger = "" if found.why else ", or sweep larger weights"
        return f"Draw from a sampler that is fitted to the codes{larger}."
    if found.state == "undecided":
        return (
            "Sweep weights in between or more seeds, or train longer where reconstructions are poor; until then draw "
            "from a sampler that is fitted to the codes."
        )
    if found.why:
        return None
    return "Ask for it in the study file: sample: {ladder: [normal, covariance, mixture]}."


def _drawing(sweep: Sweep, curve: SweepCurve, weight: float) -> str:
    """Advise to train with a weight, unless reconstructions have lost there what made them look real."""
    looks = {at: curve.middle("meaningful_reconstructions", at) or 0.0 for at in curve.weights if at <= weight}
    best = max(looks, key=lambda at: looks[at])
    if looks[weight] < max(SHARP * looks[best], LEAST_SHARP):
        sharper = "" if best == weight else f", and {_percent(looks[best])} at {_number(best)}"
        smaller = "" if best == weight else ", or take a smaller weight and a sampler that is fitted to the codes"
        return (
            f"At {_weight(sweep, weight)} most random codes decode like codes of images, but both are blurred: "
            f"{_percent(looks[weight])} of reconstructions are meaningful{sharper}. Train longer{smaller}."
        )
    return (
        f"To draw from N(0, I) train with {_weight(sweep, weight)}; with a smaller weight draw from a sampler that is "
        "fitted to the codes."
    )


def _collapses(sweep: Sweep, curve: SweepCurve) -> str:
    found = curve.collapses
    if found.state == "not measured":
        return "Active units were not measured."
    least, most = curve.weights[0], curve.weights[-1]
    ends = (
        f"{curve.middle('active', least) or 0:g} of {curve.dimensions} are active at {_number(least)} and "
        f"{curve.middle('active', most) or 0:g} at {_number(most)}"
    )
    if found.state == "not reached":
        return f"At most {100 - 100 * COLLAPSED:.3g} % of units are inactive at any weight: {ends}."
    if found.state == "undecided":
        return f"At which weight units collapse is undecided: {_why(sweep, found)}; {ends}."
    where = "at the smallest weight already," if found.state == "from the smallest" else "at"
    active = curve.middle("active", found.weight or 0.0) or 0
    return (
        f"Units collapse {where} {_weight(sweep, found.weight or 0.0)}{_over(found)}, where {active:g} are active "
        f"(at most {100 * COLLAPSED:g} %); {ends}."
    )


def _cost(sweep: Sweep, curve: SweepCurve) -> str:
    cost = curve.cost
    if cost is None:
        return ""
    middle, low, high = cost.reconstruction
    worse = "more" if middle >= 0 else "less"
    low, high = (low, high) if middle >= 0 else (-high, -low)
    between = f" ({low:.3g} to {high:.3g} over {cost.seeds} seeds)" if cost.seeds > 1 else ""
    return (
        f"Against {_number(cost.against)}, reconstruction costs {abs(middle):.3g} nats per image {worse} at "
        f"{_weight(sweep, cost.weight)}{between}, and the KL is {cost.kl:.3g} instead of {cost.kl_against:.3g} nats."
    )


def _over(found: Crossing) -> str:
    """Give the interval over seeds."""
    if found.seeds < 2:
        return " (one seed, so without an interval)"
    if found.low == found.high or found.low is None or found.high is None:
        return f" (of all {found.seeds} seeds)"
    return f" ({_number(found.low)} to {_number(found.high)} over {found.seeds} seeds)"


def _weight(sweep: Sweep, weight: float) -> str:
    return f"{sweep.name} {weight:.4g}"


def _number(weight: float | None) -> str:
    return "–" if weight is None else f"{weight:.4g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _of_repeats(repeats: Sequence[Repeats], swept: bool) -> list[Finding]:
    """Say which minima runs that differ by their seed found, and what the loss leaves open of the radius."""
    if not repeats:
        return []
    several = [one for one in repeats if len(one.minima) > 1]
    seeds = sorted({one.runs for one in repeats})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    rule = (
        f"(runs are of one minimum where steps of at most {100 * LOSS_GAP:g} % of the loss, or {LOSS_FLOOR:g} nats, "
        f"and {100 * RADIUS_GAP:g} % of the mean radius link them)"
    )
    what = f"{many} runs that differ by their seed only"
    if len(repeats) == 1:
        says = f"{what} ({repeats[0].title}) ended in {counted(len(repeats[0].minima), 'minimum', 'minima')} {rule}"
    else:
        says = (
            f"Of {len(repeats)} groups of {what}, {len(repeats) - len(several)} ended in one minimum and "
            f"{len(several)} in several {rule}"
        )
    named = [f"{one.title}: {_minima(one)}" for one in several[:MOST_NAMED]]
    if len(several) > MOST_NAMED:
        named.append(f"{len(several) - MOST_NAMED} more groups")
    says += f". {'; '.join(named)}." if named else "."
    return [Finding(f"{says} {_spreads(repeats)}", figure=FIGURE if swept else None)]


def _minima(one: Repeats) -> str:
    parts = [
        f"{', '.join(minimum.runs)} at a loss of {_between(minimum.loss)} nats per image and a mean radius of "
        f"{_between(minimum.radius)}"
        for minimum in one.minima
    ]
    return " | ".join(parts)


def _between(values: tuple[float, float]) -> str:
    low, high = (f"{value:.4g}" for value in values)
    return low if low == high else f"{low} to {high}"


def _spreads(repeats: Sequence[Repeats]) -> str:
    """Hold the spread of the radius against that of the loss, both as shares of their medians."""
    loose = [one for one in repeats if one.loose]
    loss, radius = (100 * median(getattr(one, f"{name}_spread") for one in repeats) for name in ("loss", "radius"))
    over = "" if len(repeats) == 1 else " (medians over the groups)"
    spread = f"Over seeds the mean radius spreads by {radius:.2g} % of its median and the loss by {loss:.2g} %{over}"
    more = f"beyond that of the loss and beyond {100 * RADIUS_GAP:g} % of the radius"
    if loose and len(repeats) == 1:
        return f"{spread}: the loss does not fix the radius, the seed does."
    if loose:
        return f"{spread}; in {len(loose)} of {len(repeats)} groups the radius depends on the seed {more}."
    runs = sum(one.runs for one in repeats)
    return f"{spread}: no dependence of the radius on the seed {more} was seen in {runs} runs."
