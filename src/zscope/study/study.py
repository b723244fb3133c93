"""What ``zscope study`` does: train, encode, measure and sample every run of a study file, and compare them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from zscope.data import open_source
from zscope.errors import ExistsError
from zscope.runs.formats import has_format, read_json, write_json
from zscope.runs.run import Run, config_hash
from zscope.runs.store import ImageStore
from zscope.study.encode import encode
from zscope.study.load import load_study
from zscope.study.measure import measure_run
from zscope.study.payload import StudyPayload
from zscope.study.request import TrainRequest
from zscope.study.sample import sample_run
from zscope.study.spec import StudySpec
from zscope.study.train import resolved, train
from zscope.typing import Progress, silent

FORMAT, VERSION = "zscope-study", 1
KEYS = {"name": str, "file": str, "runs": list}


@dataclass(frozen=True)
class StudyOptions:
    """What the command line changes of a study.

    Attributes
    ----------
    epochs, limit, seed : int or None
        Replace the study file's.
    force : bool
        Train runs anew whose configuration or images differ, and replace a page that no study wrote; runs that are up
        to date stay.
    device : str or None
        Where to train, encode and decode.
    """

    epochs: int | None = None
    limit: int | None = None
    seed: int | None = None
    force: bool = False
    device: str | None = None

    def changes(self) -> dict[str, int | str | None]:
        """Options of ``zscope train`` that replace those of every run; None replaces nothing."""
        return {"epochs": self.epochs, "limit": self.limit, "seed": self.seed, "device": self.device}


def run_study(
    spec: StudySpec,
    text: str,
    store: ImageStore,
    out: Path,
    options: StudyOptions,
    *,
    progress: Progress = silent,
    wrap: Callable[[Progress], Progress] = lambda progress: progress,
    log: Callable[[str], None] = print,
) -> StudyPayload:
    """Bring every run of a study up to date and compare them.

    Parameters
    ----------
    spec : StudySpec
        The study.
    text : str
        The study file's text.
    store : ImageStore
        Its images, prepared.
    out : Path
        Folder of the study; its runs are folders in it.
    options : StudyOptions
        What the command line changes.
    progress, log
        Told of steps, and of lines for people.
    wrap : callable
        Applied to `progress` for each training (the command line adds an estimate of the time).

    Returns
    -------
    StudyPayload
        What the report shows.

    Raises
    ------
    ExistsError
        A run's folder holds a run of another configuration or of other images, or `out` a report or a ``study.json``
        that is no study's, and `force` is off.
    """
    foreign = [out / name for name in ("study.json", "report.html") if (out / name).exists()]
    if foreign and not options.force and not has_format(out / "study.json", FORMAT):
        raise ExistsError(f"{foreign[0]} exists and is no study's; give --force to replace it, or another --out")
    requests = spec.requests(**options.changes())
    actions = {name: _plan(request, spec, store, out / name, options) for name, request in requests.items()}
    runs: list[Run] = []
    for name, request in requests.items():
        log(f"── {name}")
        if actions[name] == "up to date":
            log(f"{out / name}: up to date")
            run = Run.open(out / name)
        else:
            run = train(
                request,
                spec.source,
                store,
                out=out / name,
                resume=actions[name] == "resume",
                force=actions[name] == "replace",
                progress=wrap(progress),
                log=log,
            )
        latents = encode(run, device=request.device, progress=progress, log=log)
        measure_run(run, latents, spec.measure.settings(), group=spec.measure.group, progress=progress, log=log)
        sample_run(
            run,
            latents,
            clouds=spec.sample.clouds,
            n=spec.sample.n,
            seed=spec.sample.seed,
            device=request.device,
            progress=progress,
            log=log,
        )
        runs.append(run)
        write_study(out, spec, text, [run.name for run in runs])
    return load_study(spec.name, runs, label=spec.label, study_file=text)


def _plan(request: TrainRequest, spec: StudySpec, store: ImageStore, folder: Path, options: StudyOptions) -> str:
    """Decide what is to be done about a run: ``up to date``, ``train``, ``resume`` or ``replace``."""
    if not (folder / "run.json").exists():
        if folder.exists() and any(folder.iterdir()):
            raise ExistsError(f"{folder} exists and is no run folder")
        return "replace" if folder.exists() else "train"
    run = Run.open(folder)
    preset = open_source(spec.source).default_preset
    config = resolved(request.resolve_model(store.shape, preset), request.resolve_training(store.shape, preset))
    if run.manifest["hash"] != config_hash(config, store.hash):
        if options.force:
            return "replace"
        raise ExistsError(
            f"{folder} holds a run of another configuration or of other images; "
            f"--force trains it anew, --out keeps it and works elsewhere"
        )
    if run.state == "finished":
        return "up to date"
    return "resume"


def write_study(out: Path, spec: StudySpec, text: str, runs: list[str]) -> None:
    """Write ``study.json``: which runs belong to the study, and its file."""
    write_json(
        out / "study.json", FORMAT, VERSION, {"name": spec.name, "label": spec.label, "file": text, "runs": list(runs)}
    )


def open_study(folder: Path, *, label: str | None = None) -> StudyPayload:
    """Load a study from its folder; `label` colours the maps instead of the study file's."""
    content = cast(dict[str, Any], read_json(folder / "study.json", FORMAT, VERSION, KEYS))
    label = label or (None if content.get("label") is None else str(content["label"]))
    return load_study(
        str(content["name"]),
        [Run.open(folder / str(name)) for name in content["runs"]],
        label=label,
        study_file=str(content["file"]),
    )
