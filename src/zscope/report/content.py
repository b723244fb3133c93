"""The page's content in order: findings, comparison, figures of all runs, a section a run, and how it was made."""

from dataclasses import dataclass, replace
from typing import Any

from zscope.figures import (
    axes,
    held_out,
    inertia,
    kl,
    losses,
    pca,
    planes,
    radius,
    radius_overlay,
    samples,
    tsne,
)
from zscope.figures.base import SPLIT_WORDS, Missing, run_titles
from zscope.figures.words import counted, listed
from zscope.nulls import CLAIMS
from zscope.report.blocks import Block, Grid, Note, Numbering, Table
from zscope.report.tables import (
    activity_words,
    axes_table,
    comparison_table,
    logvar_table,
    making_table,
    splits_table,
    tests_table,
)
from zscope.study.payload import Finding, RunPayload, SplitPayload, StudyPayload

LEAD_LETTERS = 1050
"""Findings up to about so many letters stand beside the images; the rest below."""


@dataclass(frozen=True)
class Badge:
    """A verdict in a word, with a sign so that colour is not the only key."""

    style: str
    sign: str
    word: str


HOLDS, FAILS = Badge("holds", "✓", "holds"), Badge("fails", "✗", "does not hold")
UNDECIDED, UNTESTED = Badge("undecided", "?", "undecided"), Badge("undecided", "?", "not testable")
DESCRIPTIVE = Badge("descriptive", "·", "descriptive")


@dataclass(frozen=True)
class FindingBlock:
    """A finding with its badge, the run it is about (title and place) and the figure that shows it."""

    says: str
    advice: str | None
    badge: Badge
    run: str | None
    place: int
    figure: int | None


@dataclass(frozen=True)
class VerdictBlock:
    """A verdict with the question it answers."""

    asks: str
    badge: Badge
    says: str
    advice: str | None
    split: str


@dataclass(frozen=True)
class RunSection:
    """All that is shown of one run."""

    anchor: str
    title: str
    name: str
    place: int
    about: str
    parts: tuple[tuple[str, tuple[Block, ...]], ...]
    verdicts: tuple[VerdictBlock, ...]
    tests: tuple[Table, ...]
    activity: str | None
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """Everything the template prints."""

    title: str
    about: str
    lead: tuple[FindingBlock, ...]
    more: tuple[FindingBlock, ...]
    samples: Grid | Note
    comparison: Table | None
    overlays: tuple[Block, ...]
    runs: tuple[RunSection, ...]
    making: Table
    study_file: str | None
    command: str | None
    created: str
    grey_note: bool


def page_content(study: StudyPayload) -> Page:
    """Lay out a study.

    Parameters
    ----------
    study : StudyPayload
        One run or several.

    Returns
    -------
    Page
        Figures drawn and numbered in the order in which they stand.
    """
    numbering = Numbering()
    runs = study.runs
    titles = run_titles(runs)
    most = {1: 10, 2: 7, 3: 5}.get(len(runs), 4)
    present = {sample.spec for run in runs for sample in run.samples}
    chosen = [spec for spec in samples.FIRST_CLOUDS if spec in present] or None
    overview = numbering.grid(
        None,
        "samples",
        "Images from random codes",
        samples.prepare(runs, clouds=chosen, most=most),
        range(len(runs)),
    )
    overlays: list[Block] = [
        numbering.plot(None, name, title, module.prepare(runs), module.draw, module.caption)
        for name, title, module in _OVERLAYS
        if len(runs) > 1 or name != "radius"  # the run's own section shows it with its null
    ]
    sections = tuple(
        _run_section(run, title, place, numbering) for place, (run, title) in enumerate(zip(runs, titles, strict=True))
    )
    found = [_finding(finding, study, titles, numbering) for finding in study.findings]
    cut = _lead_count(study.findings)
    called = {run.name: title for run, title in zip(runs, titles, strict=True)}
    columns = tuple(called.get(name, name) for name in study.comparison.columns)
    comparison = comparison_table(study.comparison, columns) if study.comparison.rows else None
    return Page(
        title=study.name,
        about=_about(study, titles),
        lead=tuple(found[:cut]),
        more=tuple(found[cut:]),
        samples=overview,
        comparison=comparison,
        overlays=tuple(overlays),
        runs=sections,
        making=making_table(study),
        study_file=study.study_file,
        command=study.command,
        created=study.created,
        grey_note=any(_model(run).get("likelihood", "bernoulli") == "bernoulli" for run in runs),
    )


_OVERLAYS: tuple[tuple[str, str, Any], ...] = (
    ("losses", "Losses", losses),
    ("radius", "Radius of the codes", radius_overlay),
    ("kl", "KL per axis", kl),
    ("pca", "Principal components", pca),
    ("inertia", "Inertia of k-means", inertia),
)


def _model(run: RunPayload) -> dict[str, Any]:
    return dict(run.manifest.get("config", {}).get("model", {}))


def _about(study: StudyPayload, titles: tuple[str, ...]) -> str:
    sources = list(dict.fromkeys(str(run.manifest.get("source", "")) for run in study.runs))
    parts = [", ".join(source for source in sources if source)]
    data = study.runs[0].manifest.get("data", {}) if study.runs else {}
    if data and len({str(run.manifest.get("data", {}).get("hash")) for run in study.runs}) == 1:
        images = counted(data.get("train", 0), "training image")
        held = data.get("held_out", 0)
        shape = " × ".join(str(size) for size in data.get("shape", [])[:2])
        parts.append(
            f"{images}{f' and {held:,} held-out ones' if held else ''}{f' of {shape} pixels' if shape else ''}"
        )
    parts.append(listed(titles))
    return " · ".join(part for part in parts if part)


def _lead_count(findings: tuple[Finding, ...]) -> int:
    letters, count = 0, 0
    for finding in findings:
        letters += len(finding.says) + len(finding.advice or "") + 60
        if count and letters > LEAD_LETTERS:
            break
        count += 1
    return count


def _finding(finding: Finding, study: StudyPayload, titles: tuple[str, ...], numbering: Numbering) -> FindingBlock:
    place = next((index for index, run in enumerate(study.runs) if run.name == finding.run), None)
    number = None
    if finding.figure is not None:
        number = numbering.numbers.get((finding.run, finding.figure)) or numbering.numbers.get((None, finding.figure))
    badge = badge_of(finding.holds, finding.strength, finding.claim)
    alone = len(study.runs) == 1
    shown = None if place is None or alone else titles[place]
    return FindingBlock(finding.says, finding.advice, badge, shown, place or 0, number)


def badge_of(holds: bool | None, strength: str, claim: str | None = None) -> Badge:
    """Choose the badge of a verdict; it names the claim where the question does not stand beside it."""
    if strength == "descriptive":
        return DESCRIPTIVE
    if holds is not None:
        badge = HOLDS if holds else FAILS
    else:
        badge = {"undecided": UNDECIDED, "not testable": UNTESTED}.get(strength, DESCRIPTIVE)
    return badge if claim is None else replace(badge, word=f"{claim.replace('_', ' ')}: {badge.word}")


def _run_section(run: RunPayload, title: str, place: int, numbering: Numbering) -> RunSection:
    train = run.splits.get("train")
    parts: list[tuple[str, tuple[Block, ...]]] = [
        (
            "Images",
            (
                numbering.grid(
                    run.name,
                    "samples",
                    "Originals, reconstructions and every cloud",
                    samples.prepare([run], most=12),
                    [place],
                ),
            ),
        )
    ]
    first = next(iter(run.splits.values()), None)
    if first is None:
        parts.append(("Codes", (Note("Codes", "the run has not been measured"),)))
    else:
        parts += _code_parts(run, first, place, numbering)
    about = f"{run.name} · {run.path}" if run.path != run.name else run.name
    return RunSection(
        anchor=f"run-{place + 1}",
        title=title,
        name=run.name,
        place=place,
        about=about,
        parts=tuple(parts),
        verdicts=_verdicts(run),
        tests=tuple(table for split in run.splits.values() if (table := tests_table(split)) is not None),
        activity=None if train is None else activity_words(train),
        skipped=tuple((name, reason) for split in run.splits.values() for name, reason in split.skipped.items())
        if len(run.splits) == 1
        else tuple(first.skipped.items())
        if first is not None
        else (),
    )


def _code_parts(
    run: RunPayload, first: SplitPayload, place: int, numbering: Numbering
) -> list[tuple[str, tuple[Block, ...]]]:
    def plot(name: str, title: str, module: Any, data: Any) -> Block:
        return numbering.plot(run.name, name, title, data, module.draw, module.caption)

    split = first.name
    radii: list[Block] = [plot("radius", "Radius", radius, radius.prepare(run, split, place=place))]
    along: list[Block] = [plot("axes", "Density along the axes", axes, axes.prepare(run, split, place=place))]
    flat = planes.prepare(run, split, place=place)
    in_planes: list[Block] = []
    if isinstance(flat, Missing):
        in_planes.append(Note("Planes", flat.reason))
    else:
        for plane in flat.planes:
            one = replace(flat, planes=(plane,))
            in_planes.append(plot("planes", f"Plane of {plane.x} and {plane.y}", planes, one))
    maps: list[Block] = [plot("tsne", "t-SNE maps", tsne, tsne.prepare(run, split, place=place))]
    if split == "train" and "held-out" in run.splits:
        other = tsne.prepare(run, "held-out", place=place, most=1)
        maps.append(plot("tsne_held_out", "t-SNE map of held-out codes", tsne, other))
    both: list[Block] = [plot("held_out", "Training and held-out codes", held_out, held_out.prepare(run, place=place))]
    tables = (axes_table(first), logvar_table(first), splits_table(run))
    for table, blocks in zip(tables, (along, radii, both), strict=True):
        if table is not None:
            blocks.append(table)
    return [
        ("Radius", tuple(radii)),
        ("Axes", tuple(along)),
        ("Planes", tuple(in_planes)),
        ("Maps", tuple(maps)),
        ("Training and held-out", tuple(both)),
    ]


def _verdicts(run: RunPayload) -> tuple[VerdictBlock, ...]:
    return tuple(
        VerdictBlock(
            CLAIMS[verdict["claim"]].asks if verdict["claim"] in CLAIMS else verdict["claim"].replace("_", " "),
            badge_of(verdict["holds"], verdict["strength"]),
            verdict["says"],
            verdict.get("advice"),
            SPLIT_WORDS.get(name, name),
        )
        for name, split in run.splits.items()
        for verdict in split.verdicts.values()
    )
