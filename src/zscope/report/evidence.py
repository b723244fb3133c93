"""Verdicts and tests of the page: every claim with its answers, and the figures that they rest on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from zscope.figures.base import SPLIT_WORDS
from zscope.figures.words import counted, listed, number
from zscope.measures import MEASURES
from zscope.nulls import CLAIMS
from zscope.nulls.claims import LEVEL
from zscope.report.blocks import Table
from zscope.study.payload import RunPayload, SplitPayload

MOST_OPEN = 12
"""Tables of tests with more rows than this are folded until they are asked for."""


@dataclass(frozen=True)
class Badge:
    """A verdict in a word, with a sign so that colour is not the only key."""

    style: str
    sign: str
    word: str


HOLDS, FAILS = Badge("holds", "✓", "holds"), Badge("fails", "✗", "does not hold")
UNSEEN = replace(FAILS, word="not seen")
UNDECIDED, UNTESTED = Badge("undecided", "?", "undecided"), Badge("undecided", "?", "not testable")
DESCRIPTIVE = Badge("descriptive", "·", "descriptive")


@dataclass(frozen=True)
class Answer:
    """What was decided of a claim on one split; `split` is empty where there is only one."""

    badge: Badge
    says: str
    advice: str | None
    split: str


@dataclass(frozen=True)
class Question:
    """A claim as a question, and its answers."""

    asks: str
    answers: tuple[Answer, ...]


def badge_of(holds: bool | None, strength: str, claim: str | None = None) -> Badge:
    """Choose the badge of a verdict; it names the claim where the question does not stand beside it."""
    if strength == "descriptive":
        return DESCRIPTIVE
    if holds is not None:
        badge = HOLDS if holds else UNSEEN if strength == "not seen" else FAILS
    else:
        badge = {"undecided": UNDECIDED, "not testable": UNTESTED}.get(strength, DESCRIPTIVE)
    return badge if claim is None else replace(badge, word=f"{claim.replace('_', ' ')}: {badge.word}")


def questions(run: RunPayload) -> tuple[Question, ...]:
    """Gather the verdicts of a run by claim.

    Parameters
    ----------
    run : RunPayload
        The run.

    Returns
    -------
    tuple of Question
        In the order of the measures, with an answer for every split that was measured.
    """
    names = list(dict.fromkeys(name for split in run.splits.values() for name in split.verdicts))
    made = []
    for name in names:
        found = [(key, split.verdicts[name]) for key, split in run.splits.items() if name in split.verdicts]
        claim = found[0][1]["claim"]
        asks = CLAIMS[claim].asks if claim in CLAIMS else claim.replace("_", " ")
        made.append(Question(asks, tuple(_answer(run, key, verdict) for key, verdict in found)))
    return tuple(made)


def _answer(run: RunPayload, split: str, verdict: dict[str, Any]) -> Answer:
    which = "" if len(run.splits) == 1 else f"{SPLIT_WORDS[split]} codes"
    badge = badge_of(verdict["holds"], verdict["strength"])
    return Answer(badge, verdict["says"], verdict.get("advice"), which)


def verdicts_table(runs: Sequence[RunPayload], titles: Sequence[str]) -> Table | None:
    """Lay out what was decided of every claim, a row a claim, a column a run.

    Parameters
    ----------
    runs : sequence of RunPayload
        The runs of the page.
    titles : sequence of str
        What they are called.

    Returns
    -------
    Table or None
        Of the codes that findings are about, the training codes where there are such; None for fewer than two runs, or
        where no claim was decided.
    """
    found = [
        {}
        if run.first is None
        else {one["claim"]: one for one in run.first.verdicts.values() if one["claim"] in CLAIMS}
        for run in runs
    ]
    decided = [
        name for name, claim in CLAIMS.items() if claim.kind != "descriptive" and any(name in one for one in found)
    ]
    if len(runs) < 2 or not decided:
        return None
    rows, marked = [], set()
    for place, name in enumerate(decided):
        badges = [badge_of(one[name]["holds"], one[name]["strength"]) if name in one else None for one in found]
        rows.append(
            (name.replace("_", " "), *("–" if badge is None else f"{badge.sign} {badge.word}" for badge in badges))
        )
        marked |= {(place, column + 1) for column, badge in enumerate(badges) if badge is HOLDS}
    return Table(
        "Claims at a glance",
        ("claim", *titles),
        tuple(rows),
        (False,) * (len(runs) + 1),
        "What each answer rests on stands below, and with every run.",
        marked=frozenset(marked),
    )


def null_tables(run: RunPayload) -> tuple[Table, ...]:
    """Lay out every statistic against its nulls: a table a measure and split, a row a statistic, columns a null.

    Parameters
    ----------
    run : RunPayload
        The run.

    Returns
    -------
    tuple of Table
        Folded where they are long; p-values of at most 0.01 are marked.
    """
    titles = {measure.name: measure.title for measure in MEASURES}
    return tuple(
        _tests_table(titles.get(name, name), split, split.tests[name], alone=len(run.splits) == 1)
        for name in dict.fromkeys(name for split in run.splits.values() for name in split.tests)
        for split in run.splits.values()
        if name in split.tests
    )


def _tests_table(title: str, split: SplitPayload, tests: list[dict[str, Any]], *, alone: bool) -> Table:
    nulls = list(dict.fromkeys(test["null"] for test in tests))
    found = {(test["statistic"], test["null"]): test for test in tests}
    rows, marked = [], set()
    for place, statistic in enumerate(dict.fromkeys(test["statistic"] for test in tests)):
        against = [found.get((statistic, null)) for null in nulls]
        value = next(test["value"] for test in against if test is not None)
        cells = [statistic_words(statistic), number(value)]
        for test in against:
            if test is not None and test["p"] <= LEVEL:
                marked.add((place, len(cells) + 2))
            cells += ["–"] * 3 if test is None else _cells(test)
        rows.append(tuple(cells))
    which = "" if alone else f", {SPLIT_WORDS[split.name]} codes"
    return Table(
        f"{title.rstrip('?')}: {counted(len(rows), 'figure')} against {listed(nulls)}{which}",
        ("", "codes", *("mean ± sd", "effect", "p") * len(nulls)),
        tuple(rows),
        (False, True, *(True, True, True) * len(nulls)),
        _tests_note(tests),
        groups=(("", 2), *((f"null: {null}", 3) for null in nulls)),
        marked=frozenset(marked),
        folded=len(rows) > MOST_OPEN,
    )


def _cells(test: dict[str, Any]) -> list[str]:
    spread = f"{number(test['null_mean'])} ± {number(test['null_sd'], 2)}"
    return [spread, number(test["effect"]), number(test["p"], 2)]


def _tests_note(tests: list[dict[str, Any]]) -> str:
    draws = sorted({test["draws"] for test in tests})
    sizes = sorted({(test["n"], test["of"]) for test in tests if "n" in test})
    used = [f"{n:,} codes" if n == of else f"{n:,} of {of:,} codes" for n, of in sizes]
    return (
        f"{' and '.join(map(str, draws))} draws of each null; {listed(used)}. p up to {LEVEL:g} is bold. The effect "
        "is the codes' figure over the null's mean or minus it, as the claim has it."
    )


_WORDS = {
    "radius_ks": "radius, Kolmogorov–Smirnov distance",
    "radius_sd": "radius, standard deviation",
    "radius_peak": "radius, peak",
    "mahalanobis_ks": "Mahalanobis distances, Kolmogorov–Smirnov distance",
    "axes_ks": "axes, largest Kolmogorov–Smirnov distance",
    "components_ks": "leading components, largest Kolmogorov–Smirnov distance",
    "neighbour_accuracy": "nearest-neighbour classifier, accuracy",
    "gaussian_accuracy": "Gaussian classifier, accuracy",
    "mardia_kurtosis": "Mardia's kurtosis",
    "mardia_skewness": "Mardia's skewness",
    "twonn": "dimension, two nearest neighbours (TwoNN)",
    "hub_skewness": "skewness of the neighbour counts",
    "void_share_all": "share in voids, all dimensions",
    "void_log_ratio_all": "log of the distance over the null's, all dimensions",
    "hopkins": "Hopkins' statistic",
    "dip": "dip statistic, largest over the leading components",
    "separated_share": "share in separated clusters",
    "held_out_inertia": "inertia of held-out codes",
    "outside": "share outside the largest group of the map",
    "hdbscan_groups": "groups that HDBSCAN finds on the map",
    "gap": "wide edges over the median edge of the map's tree",
    "kept_neighbours": "share of the nearest codes kept on the map",
}
_PATTERNS = (
    (r"mle_(\d+)", r"dimension, \1 neighbours (maximum likelihood)"),
    (r"participation_(\d+)", r"dimension, \1 neighbours (local participation ratio)"),
    (r"doubling_(\d+)", r"dimension, doubling to \1 neighbours"),
    (r"hub_skewness_(\d+)", r"skewness of the neighbour counts, \1 neighbours"),
    (r"void_share_(\d+)d", r"share in voids, leading \1 components"),
    (r"void_log_ratio_(\d+)d", r"log of the distance over the null's, leading \1 components"),
    (r"contrast(?:_(\d+))?", r"nearest distance over that of neighbour \1"),
    (r"log_inertia_(\d+)", r"logarithm of the inertia, k = \1"),
)


def statistic_words(name: str) -> str:
    """Name a statistic in words.

    Examples
    --------
    >>> statistic_words("mle_20"), statistic_words("some_figure")
    ('dimension, 20 neighbours (maximum likelihood)', 'some figure')
    """
    if name in _WORDS:
        return _WORDS[name]
    for pattern, words in _PATTERNS:
        found = re.fullmatch(pattern, name)
        if found:
            return found.expand(words)
    return name.replace("_", " ")
