"""``zscope sample``: images decoded from codes that clouds draw, and the ladder that scores all clouds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Output, Quiet, Seed
from zscope.cli.pictures import PictureOut, check_out, is_picture, quality_of
from zscope.cli.tables import text_table
from zscope.errors import ExistsError, ParameterError
from zscope.figures import ladder as ladder_figure
from zscope.figures import write_figure
from zscope.figures.around import write_around_picture
from zscope.figures.base import Missing
from zscope.figures.ladder import AUC_HEAD, auc_rows, short_table
from zscope.figures.render import png_bytes, write_whole
from zscope.figures.samples import MOST
from zscope.generation.perturbation import DIRECTIONS
from zscope.generation.sampling import DEFAULT_CLOUDS
from zscope.runs.ladders import SAMPLER
from zscope.runs.run import Run
from zscope.study.around import Around, Noise, around_run, noise_run, write_around
from zscope.study.decoded import named
from zscope.study.encode import encode
from zscope.study.ladder import USUAL, LadderSettings, ladder_run
from zscope.study.load import load_run
from zscope.study.sample import LabelChoice, checked, sample_run

IMAGES = 12
"""Images a cloud, unless said otherwise; of the ladder, see `LadderSettings`."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample_command)


def sample_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    sampler: Annotated[
        list[str] | None,
        typer.Option(
            "--sampler",
            help="Cloud to draw from (again for more), e.g. mixture:20; recommended: the one that the ladder kept.",
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", help=f"Images a cloud; by default {IMAGES}, of a ladder {USUAL:,} (or all held-out ones)."),
    ] = None,
    ladder: Annotated[
        bool, typer.Option("--ladder", help="Score all samplers, say what matters, and keep the best one with the run.")
    ] = False,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="COLUMN or COLUMN=VALUE: draw from the codes of each value of a label. With --ladder COLUMN: keep a "
            "sampler of its values too.",
        ),
    ] = None,
    eps_factor: Annotated[
        float | None,
        typer.Option(
            "--eps-factor", help="Factor on the posteriors' noise, by default 1 (posterior, second-stage, --around)."
        ),
    ] = None,
    around: Annotated[
        str | None,
        typer.Option(
            "--around",
            help="Image, by id or row: show what lies around its code, or, with --eps-factor, draws of its posterior.",
        ),
    ] = None,
    directions: Annotated[
        list[str] | None,
        typer.Option("--directions", help="With --around: random, principal, neighbour (again for more; default all)."),
    ] = None,
    judge: Annotated[
        bool | None,
        typer.Option(
            "--judge/--no-judge",
            help="With --around: judge the images (the default); trained once for a data set, and kept.",
        ),
    ] = None,
    seed: Seed = 0,
    out: PictureOut = None,
    device: Device = "auto",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw codes from each cloud, decode them, and show them under originals and reconstructions.

    The default clouds are kept with the run; with --out it is left untouched.
    With --ladder every sampler is scored against held-out images; ladder.json, picture and the recommended sampler are
    kept with the run, or in the folder --out. With --around images and their quality are shown against the size of a
    step away from one code.
    """
    output = Output(quiet=quiet, as_json=as_json)
    away = {"--directions": directions, "--judge": None if judge is None else "--judge" if judge else "--no-judge"}
    if around is not None:
        _refused({"--ladder": ladder, "--sampler": sampler, "--label": label}, "be left out with --around")
        if eps_factor is None:
            if n is not None:
                raise ParameterError("-n", "be left out with --around, unless --eps-factor is given", n)
            _around(run, around, directions, judge is not False, seed, out, device, force, output)
            return
        _refused(away, "be left out with --eps-factor")
        _noise(run, around, 2 * IMAGES if n is None else n, eps_factor, seed, out, device, force, output)
        return
    _refused(away, "be given with --around")
    if ladder:
        if eps_factor is not None:
            raise ParameterError("--eps-factor", "be left out with --ladder", eps_factor)
        _ladder(run, sampler, n, seed, label, out, device, force, output)
        return
    factor = 1.0 if eps_factor is None else eps_factor
    _samples(run, sampler, IMAGES if n is None else n, seed, label, factor, out, device, force, output)


def _refused(given: Mapping[str, object], must: str) -> None:
    for name, value in given.items():
        if value:
            raise ParameterError(name, must, ", ".join(value) if isinstance(value, list) else str(value))


def _around(
    run: Path,
    image: str,
    directions: list[str] | None,
    judged: bool,
    seed: int,
    out: Path | None,
    device: str,
    force: bool,
    output: Output,
) -> None:
    opened = Run.open(run)
    check_out(out, force)
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        found = around_run(
            opened,
            latents,
            image,
            directions=directions or DIRECTIONS,
            seed=seed,
            quality=quality_of(opened, latents, device, bar, output) if judged else None,
            device=device,
            progress=bar,
        )
    _shown(found, out or run / "around" / f"{found.image['row']}.png", force, output)


def _noise(
    run: Path,
    image: str,
    n: int,
    eps_factor: float,
    seed: int,
    out: Path | None,
    device: str,
    force: bool,
    output: Output,
) -> None:
    opened = Run.open(run)
    check_out(out, force)
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        found = noise_run(opened, latents, image, n=n, eps_factor=eps_factor, seed=seed, device=device)
    _shown(found, out or run / "around" / f"{found.image['row']}-noise-{eps_factor:g}.png", force, output)


def _shown(found: Around | Noise, picture: Path, force: bool, output: Output) -> None:
    """Write the picture, or a folder with the picture in it, and say what was found."""
    if not is_picture(picture):
        write_around(found, picture, force)
        picture = picture / "around.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_around_picture(found, picture)
    lines = (f"Image {named(found.image)}.", *found.says, str(picture))
    output.result({**found.as_json(), "figure": str(picture)}, *lines)


def _samples(
    run: Path,
    sampler: list[str] | None,
    n: int,
    seed: int,
    label: str | None,
    eps_factor: float,
    out: Path | None,
    device: str,
    force: bool,
    output: Output,
) -> None:
    clouds = checked(sampler or DEFAULT_CLOUDS, n)
    chosen = None if label is None else LabelChoice.parse(label)
    opened = Run.open(run)
    kept = run / "samples" if out is None else None
    picture = out or run / "samples.png"
    if not is_picture(picture):
        kept, picture = kept or picture / "samples", picture / "samples.png"
    if out is not None and picture.exists() and not force:
        raise ParameterError("--out", "be a new file (or give --force)", str(picture))
    own = bool(sampler) or chosen is not None or eps_factor != 1
    if out is None and own and kept is not None and (kept / "manifest.json").exists() and not force:
        raise ExistsError(f"{kept} holds the run's samples; give --out for others, or --force to replace them")
    with output.bar() as bar, TemporaryDirectory() as passing:
        folder = kept or Path(passing) / "samples"
        latents = encode(opened, device=device, progress=bar, log=output.log)
        sample_run(
            opened,
            latents,
            folder=folder,
            clouds=clouds if sampler else None,
            n=n,
            seed=seed,
            label=chosen,
            eps_factor=eps_factor,
            device=device,
            force=force,
            kept=kept is not None,
            progress=bar,
            log=output.log,
        )
        payload = load_run(opened, samples=folder, ladder=False)
        write_figure("samples", payload, picture)
    drawn = [sample.spec for sample in payload.samples]
    if n > MOST:
        output.log(f"the picture shows the first {MOST} of {n} images a cloud")
    if not sampler and (run / SAMPLER).exists():
        output.log("the sampler that the ladder recommends draws with --sampler recommended")
    output.result(
        {
            "run": str(run),
            "samples": None if kept is None else str(kept),
            "figure": str(picture),
            "clouds": drawn,
            "n": n,
        },
        str(picture),
    )


def _ladder(
    run: Path,
    samplers: list[str] | None,
    n: int | None,
    seed: int,
    label: str | None,
    out: Path | None,
    device: str,
    force: bool,
    output: Output,
) -> None:
    settings = LadderSettings(
        samplers=tuple(samplers) if samplers else LadderSettings.samplers,
        n=n,
        seed=seed,
        label=label,
    )
    settings.check()
    opened = Run.open(run)
    folder = run if out is None else out
    picture = folder / "ladder.png"
    if out is not None and is_picture(out):
        raise ParameterError("--out", "be a folder with --ladder, which writes more than a picture", str(out))
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        content = ladder_run(
            opened, latents, settings, folder=folder, device=device, force=force, progress=bar, log=output.log
        )
        drawn = ladder_figure.prepare(load_run(opened, ladder=folder))
        if not isinstance(drawn, Missing):
            write_whole(picture, png_bytes(ladder_figure.draw(drawn)))
    lines = [*ladder_lines(content), "", *kept_elsewhere(content, folder, run)]
    output.result(content, *lines, str(folder / "ladder.json"), str(picture))


def kept_elsewhere(content: Mapping[str, Any], folder: Path, run: Path) -> list[str]:
    """Say that a sampler outside the run is not found by what draws from the run's own."""
    if not content["saved"] or folder.resolve() == run.resolve():
        return []
    return [f"The sampler lies in {folder}: --sampler recommended and from_pretrained(…).sample look in {run} only."]


def ladder_lines(content: Mapping[str, Any]) -> list[str]:
    """Lay out a ladder as lines of text: the table of scores, the verdict, and what predicts a meaningful image."""
    lines = [*aligned(*short_table(content)), "", str(content["says"]), str(content["why"])]
    if content.get("more"):
        lines += ["", str(content["more"])]
    lines += [f"{entry['sampler']} is left out: {entry['why']}" for entry in content["left_out"]]
    lines.append("")
    if content["where"]:
        lines += text_table(AUC_HEAD, auc_rows(content))
    else:
        lines.append(f"What predicts a meaningful image cannot be told: {content['where_left_out']}.")
    return lines


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table of numbers: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(cells)
        ).rstrip()
        for cells in (list(zip(row, widths, strict=True)) for row in (head, *rows))
    ]
