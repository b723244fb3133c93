"""The page's content in order: findings, comparison, figures of all runs, a section a run, and how it was made."""

from dataclasses import dataclass, replace
from typing import Any

from zscope.figures import (
    alike,
    axes,
    held_out,
    inertia,
    kl,
    lineup,
    losses,
    pca,
    planes,
    radius,
    radius_overlay,
    samples,
    sweep,
    tsne,
)
from zscope.figures.base import Missing, run_titles
from zscope.figures.words import counted, listed
from zscope.measures import MEASURES
from zscope.report.blocks import Block, Grid, Note, Numbering, Table, Zoom
from zscope.report.evidence import Badge, Question, badge_of, null_tables, questions, verdicts_table
from zscope.report.ladder import ladder_blocks
from zscope.report.tables import (
    activity_words,
    alike_table,
    axes_table,
    comparison_table,
    logvar_table,
    making_table,
    splits_table,
)
from zscope.report.zoom import zoom_of
from zscope.study.alike import RunsAlike
from zscope.study.payload import Finding, RunPayload, SplitPayload, StudyPayload

LEAD_LETTERS = 1050
"""Findings up to about so many letters stand beside the images; the rest below."""


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
class RunSection:
    """All that is shown of one run."""

    anchor: str
    title: str
    head: str
    place: int
    about: str
    parts: tuple[tuple[str, tuple[Block, ...]], ...]
    questions: tuple[Question, ...]
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
    verdicts: Table | None
    samples: Grid | Note | None
    comparison: Table | None
    overlays: tuple[Block, ...]
    runs: tuple[RunSection, ...]
    making: Table
    study_file: str | None
    command: str | None
    created: str
    trained: bool
    grey_note: bool

    @property
    def zoomed(self) -> bool:
        """Whether there are points to zoom into."""
        return any(block.kind == "zoom" for run in self.runs for _, blocks in run.parts for block in blocks)


def page_content(study: StudyPayload, *, zoom: bool) -> Page:
    """Lay out a study.

    Parameters
    ----------
    study : StudyPayload
        One run or several.
    zoom : bool
        Put the points of the planes in.

    Returns
    -------
    Page
        Figures drawn and numbered in the order in which they stand.
    """
    numbering = Numbering()
    runs = study.runs
    titles = run_titles(runs)
    overview = _overview(study, numbering)
    split = runs[0].first.name if runs[0].first is not None else "train"
    overlays: list[Block] = _sweep_blocks(study, numbering)
    overlays += [
        numbering.plot(None, name, title, module.prepare(runs, split), module.draw, module.caption)
        for name, title, module in _OVERLAYS
        if _belongs(name, runs)
    ]
    overlays += _alike_blocks(study, numbering)
    sections = tuple(
        _run_section(run, title, place, numbering, alone=len(runs) == 1, zoom=zoom)
        for place, (run, title) in enumerate(zip(runs, titles, strict=True))
    )
    found = [_finding(finding, study, titles, numbering) for finding in study.findings]
    cut = len(found) if overview is None else _lead_count(study.findings)
    called = {run.name: title for run, title in zip(runs, titles, strict=True)}
    columns = tuple(called.get(name, name) for name in study.comparison.columns)
    comparison = comparison_table(study.comparison, columns) if study.comparison.rows else None
    return Page(
        title=study.name,
        about=_about(study, titles),
        lead=tuple(found[:cut]),
        more=tuple(found[cut:]),
        verdicts=verdicts_table(runs, titles),
        samples=overview,
        comparison=comparison,
        overlays=tuple(overlays),
        runs=sections,
        making=making_table(study, titles),
        study_file=study.study_file,
        command=study.command,
        created=study.created,
        trained=any(run.trained for run in runs),
        grey_note=any(_model(run).get("likelihood", "bernoulli") == "bernoulli" for run in runs if run.trained),
    )


def _sweep_blocks(study: StudyPayload, numbering: Numbering) -> list[Block]:
    """Show what a sweep of KL weights found, before the figures that put single runs side by side."""
    if study.sweep is None or not study.sweep.curves:
        return []
    data = sweep.prepare(study.sweep)
    drawn = numbering.plot(None, "sweep", "Sweep of the KL weight", data, sweep.draw, sweep.caption)
    head, rows = sweep.sweep_table(study.sweep)
    numeric = (False, *(True for _ in head[1:]))
    return [drawn, Table("Sweep of the KL weight", head, tuple(rows), numeric, f"{sweep.TABLE_TITLE}.")]


def _alike_blocks(study: StudyPayload, numbering: Numbering) -> list[Block]:
    """Show how alike the runs' spaces are, where they were held against each other."""
    if study.alike is None:
        return []
    data = alike.prepare(study.alike)
    drawn = numbering.plot(None, "alike", "How alike the spaces are", data, alike.draw, alike.caption)
    return [drawn, alike_table(study.alike)] if isinstance(study.alike, RunsAlike) else [drawn]


_OVERLAYS: tuple[tuple[str, str, Any], ...] = (
    ("losses", "Losses", losses),
    ("radius", "Radius of the codes", radius_overlay),
    ("kl", "KL per axis", kl),
    ("pca", "Principal components", pca),
    ("inertia", "Inertia of k-means", inertia),
)


def _overview(study: StudyPayload, numbering: Numbering) -> Grid | Note | None:
    """Images from random codes, of the runs that have a model to decode them."""
    places = [place for place, run in enumerate(study.runs) if run.trained]
    if not places:
        return None
    shown, among = _abreast(study, places)
    trained = [study.runs[place] for place in shown]
    most = {1: 10, 2: 7, 3: 5}.get(len(trained), 4)
    present = {sample.spec for run in trained for sample in run.samples}
    chosen = [spec for spec in samples.FIRST_CLOUDS if spec in present] or None
    data = samples.prepare(trained, clouds=chosen, most=most, among=among)
    return numbering.grid(None, "samples", "Images from random codes", data, shown)


def _abreast(study: StudyPayload, places: list[int]) -> tuple[list[int], str]:
    """Choose as many runs as have room, and say of which; of a sweep weights from the smallest to the largest."""
    if len(places) <= samples.ABREAST:
        return places, ""
    if study.sweep is None or not study.sweep.curves:
        return places[: samples.ABREAST], f"the first of {len(places)} runs; those of the others stand with each"
    curve = study.sweep.curves[0]
    runs = {study.runs[place].name: place for place in places}
    first = {row.weight: runs[row.run] for row in reversed(curve.rows) if row.run in runs}
    weights = sorted(first)
    chosen = dict.fromkeys(round(step * (len(weights) - 1) / (samples.ABREAST - 1)) for step in range(samples.ABREAST))
    of = f" of {curve.label}" if curve.label else ""
    among = f"from the smallest weight{of} to the largest; those of all {len(places)} runs stand with each"
    return [first[weights[place]] for place in chosen], among


def _belongs(overlay: str, runs: tuple[RunPayload, ...]) -> bool:
    """Whether a figure of all runs has its place on the page, be it to say why it is left out."""
    if overlay == "radius":
        return len(runs) > 1  # the run's own section shows it with its null
    trained = any(run.trained for run in runs)
    if overlay == "kl":
        return trained or any("kl" in split.values for run in runs for split in run.splits.values())
    return trained or overlay != "losses"


def _model(run: RunPayload) -> dict[str, Any]:
    return dict(run.manifest.get("config", {}).get("model", {}))


def _about(study: StudyPayload, titles: tuple[str, ...]) -> str:
    if not any(run.trained for run in study.runs):
        alone = len(study.runs) == 1
        return " · ".join(_codes_words(run) if alone else f"{run.name}: {_codes_words(run)}" for run in study.runs)
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


def _codes_words(run: RunPayload) -> str:
    about = run.manifest
    says = f"{counted(about['n'], 'code')} of {counted(about['d'], 'dimension')}"
    return says + (f", {about['dropped']:,} left out for NaN or infinity" if about.get("dropped") else "")


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


def _run_section(
    run: RunPayload, title: str, place: int, numbering: Numbering, *, alone: bool, zoom: bool
) -> RunSection:
    first = run.first
    parts: list[tuple[str, tuple[Block, ...]]] = []
    if run.trained:
        data = samples.prepare([run], most=12)
        images = numbering.grid(run.name, "samples", "Originals, reconstructions and every cloud", data, [place])
        parts.append(("Images", (images,)))
        rungs = ladder_blocks(run, place, numbering)
        if rungs:
            parts.append(("Which random codes decode well", tuple(rungs)))
    if first is None:
        parts.append(("Codes", (Note("Codes", "the run has not been measured"),)))
    else:
        parts += _code_parts(run, first, place, numbering, zoom_of(run, title, place) if zoom else None)
    if not run.trained:
        head, about = "Codes" if alone else title, f"{run.manifest['file']} · {run.path}"
    else:
        head = title if run.label in title else f"{title} · {run.label}"
        about = f"{run.name} · {run.path}" if run.path != run.name else run.name
    titles = {measure.name: measure.title for measure in MEASURES}
    return RunSection(
        anchor=f"run-{place + 1}",
        title=title,
        head=head,
        place=place,
        about=about,
        parts=tuple(parts),
        questions=questions(run),
        tests=null_tables(run),
        activity=None if first is None else activity_words(first),
        skipped=() if first is None else _skipped(first, titles),
    )


def _skipped(split: SplitPayload, titles: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Say what was not measured, and that nothing was tested where no null clouds were asked for."""
    found = [(titles.get(name, name), reason) for name, reason in split.skipped.items()]
    if "radius" in split.values and "radius" not in split.verdicts:  # which any codes are tested for, or told why not
        found.append(("claims about chance", "nothing was held against null clouds"))
    return tuple(found)


def _code_parts(
    run: RunPayload, first: SplitPayload, place: int, numbering: Numbering, zoom: Zoom | Note | None
) -> list[tuple[str, tuple[Block, ...]]]:
    def plot(name: str, title: str, module: Any, data: Any) -> Block:
        return numbering.plot(run.name, name, title, data, module.draw, module.caption)

    split = first.name
    radii: list[Block] = [plot("radius", "Radius", radius, radius.prepare(run, split, place=place))]
    along: list[Block] = [plot("axes", "Density along the axes", axes, axes.prepare(run, split, place=place))]
    flat = planes.prepare(run, split, place=place)
    in_planes: list[Block] = [] if zoom is None else [zoom]
    if isinstance(flat, Missing):
        in_planes.append(Note("Planes", flat.reason))
    else:
        for plane in flat.planes:
            one = replace(flat, planes=(plane,))
            in_planes.append(plot("planes", f"Plane of {plane.x} and {plane.y}", planes, one))
        in_planes.append(plot("lineup", "Which panel shows the codes?", lineup, lineup.prepare(run, split)))
    maps: list[Block] = [plot("tsne", "t-SNE maps", tsne, tsne.prepare(run, split, place=place))]
    if len(run.splits) > 1:
        other = tsne.prepare(run, "held-out", place=place, most=1)
        maps.append(plot("tsne_held_out", "t-SNE map of held-out codes", tsne, other))
    both: list[Block] = []
    if run.trained:
        both.append(plot("held_out", "Training and held-out codes", held_out, held_out.prepare(run, place=place)))
    tables = (axes_table(first), logvar_table(first), splits_table(run))
    for table, blocks in zip(tables, (along, radii, both), strict=True):
        if table is not None:
            blocks.append(table)
    return [
        ("Radius", tuple(radii)),
        ("Axes", tuple(along)),
        ("Planes", tuple(in_planes)),
        ("Maps", tuple(maps)),
        *([("Training and held-out", tuple(both))] if both else []),
    ]
