"""The page docs/explanation/power.md, from the lines that run.py wrote."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scipy.stats import binomtest

from clouds import Planting
from zscope.nulls import CLAIMS

Line = dict[str, Any]
STRUCTURE = tuple(
    claim.name for claim in CLAIMS.values() if claim.kind == "structure" and claim.name != "map_structure"
)

HEAD = """# Level and power

What a verdict is worth is decided by how often it is wrong where the truth is known. The figures of this page are made
by `benchmarks/power/run.py` (`level`, `power`, then `table`, which writes the page from the lines that both left in
`benchmarks/power/results/`); each cloud is held against its nulls as `zscope measure` does it, with 99 draws of each
null and at most 2,000 queries.

A claim can hold only if the codes come before *all* 99 draws of *every* null. Of clouds without structure the script
drops one that more than two of the first 9, or of the first 29, draws reach; a cloud so dropped counts as not found.
This can hide a false find only where the codes first stood behind three draws of 9 or 29 and then before all 99, by
figures standardised anew. Planted clouds are held against all 99 at once.
"""


def page(level: Sequence[Line], power: Sequence[Line], plantings: Mapping[str, Planting]) -> str:
    """Lay out both tables and what is behind them."""
    unfinished = (
        f"*Unfinished: {len(level):,} of at least 1,000 clouds without structure.*\n" if len(level) < 1000 else ""
    )
    return "\n".join([HEAD, unfinished, *_level(level), "", *_power(power, plantings), ""])


def _share(found: int, of: int) -> str:
    if of == 0:
        return "–"
    bound = binomtest(found, of).proportion_ci(0.95, "exact")
    return f"{found} of {of:,} = {100 * found / of:.1f} % ({100 * bound.low:.1f} … {100 * bound.high:.1f} %)"


def _level(lines: Sequence[Line]) -> list[str]:
    kinds = list(dict.fromkeys(line["kind"] for line in lines))
    made = [
        "## Level: clouds without structure",
        "",
        f"{len(lines):,} clouds of the nulls' own kinds, of {_range(lines, 'n')} points in {_range(lines, 'd')}",
        "dimensions: Gaussians with random spectra and directions (`covariance`), N(0, I) (`normal`), Student t5 and",
        "t8 and uniform balls (`elliptical`), Gaussian copulas with gamma(3), t5 or uniform axes (`copula`), and",
        "independent axes of mixed shapes (`permuted`). How often each structure claim was called true, with the exact",
        "95 % interval:",
        "",
        f"| kind | {' | '.join(f'`{claim}`' for claim in STRUCTURE)} |",
        f"| --- |{' --- |' * len(STRUCTURE)}",
    ]
    for kind in [*kinds, "all"]:
        own = [line for line in lines if kind in (line["kind"], "all")]
        cells = []
        for claim in STRUCTURE:
            tested = [line[claim] for line in own if claim in line]
            cells.append(_share(sum(one["holds"] is True for one in tested), len(tested)))
        made.append(f"| {kind} | {' | '.join(cells)} |")
    return [*made, "", *_agreement(lines)]


def _agreement(lines: Sequence[Line]) -> list[str]:
    def count(kinds: Sequence[str], wanted: Callable[[Line], bool]) -> str:
        own = [line["multivariate_normal"] for line in lines if line["kind"] in kinds]
        return _share(sum(wanted(one) for one in own), len(own))

    normal, other = ("covariance", "normal"), ("elliptical", "copula", "permuted")
    return [
        "`multivariate_normal`, on the same clouds: false although the cloud is normal in",
        f"{count(normal, lambda one: one['holds'] is False)}; true although it is not in",
        f"{count(other, lambda one: one['holds'] is True)}. (Not every cloud of those kinds is further from normal",
        "than the margin allows; where it is not, true is the right answer.)",
    ]


def _range(lines: Sequence[Line], name: str) -> str:
    values = sorted({line[name] for line in lines})
    return f"{values[0]:,} to {values[-1]:,}" if values else "–"


def _power(lines: Sequence[Line], plantings: Mapping[str, Planting]) -> list[str]:
    made = [
        "## Power: planted truth",
        "",
        "10,000 points each; how often the claim came out as planted (a structure claim true, `multivariate_normal`",
        "false), with the exact 95 % interval. The upper rows are the least that zscope must find in 80 % of the",
        "clouds; the others say where its sight ends.",
        "",
        "| planted | claim | found | demanded | figure it rested on, and its effect |",
        "| --- | --- | --- | --- | --- |",
    ]
    if not lines:
        return [made[0], "", "Not run yet: `benchmarks/power/run.py power`."]
    for name, planting in plantings.items():
        own = [line[planting.claim] for line in lines if line["planting"] == name]
        found = [one for one in own if one["holds"] is planting.expected]
        figures = sorted({one["figure"] for one in found if "figure" in one})
        effects = sorted(one["effect"] for one in found if "effect" in one)
        rests = f"{', '.join(figures)}; {effects[0]:.2f} … {effects[-1]:.2f}" if effects else "–"
        demanded = "80 %" if planting.demanded else "no"
        made.append(
            f"| {planting.words} | `{planting.claim}` | {_share(len(found), len(own))} | {demanded} | {rests} |"
        )
    return made
