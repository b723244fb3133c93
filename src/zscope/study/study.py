"""What ``zscope study`` does: train, encode, measure and sample every run of a study file, and compare them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from zscope.data import open_source
from zscope.errors import ExistsError, ParameterError, TrainingError, ZscopeError
from zscope.runs.formats import has_format, read_json, write_json
from zscope.runs.run import Run, config_hash
from zscope.runs.store import ImageStore
from zscope.study.ladder import LadderSettings
from zscope.study.load import load_study
from zscope.study.one_run import Log, RunTask, Wrap, do_run, prepare_judge, unwrapped
from zscope.study.parallel import Plan, do_in_parallel, planned
from zscope.study.payload import StudyPayload
from zscope.study.request import TrainRequest
from zscope.study.spec import StudySpec
from zscope.study.train import Interrupted, image_counts, resolved
from zscope.training.checks import check
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
    jobs : int or None
        Runs at a time, each in a process of its own; 1: one after the other in this one; None: as
        `zscope.study.parallel.planned` chooses.
    """

    epochs: int | None = None
    limit: int | None = None
    seed: int | None = None
    force: bool = False
    device: str | None = None
    jobs: int | None = 1

    def changes(self) -> dict[str, int | str | None]:
        """Options of ``zscope train`` that replace those of every run; None replaces nothing."""
        return {"epochs": self.epochs, "limit": self.limit, "seed": self.seed, "device": self.device}


class RunsFailed(TrainingError):  # noqa: N818 - the errors are the runs'
    """Some runs of a study failed; the others are done.

    Parameters
    ----------
    failures : dict of str to str
        Why, by the name of the run.
    count : int
        Runs of the study.
    payload : StudyPayload or None
        The others, compared; None where there are none.
    """

    def __init__(self, failures: dict[str, str], count: int, payload: StudyPayload | None) -> None:
        self.failures = failures
        self.payload = payload
        named = "; ".join(f"{name} ({why})" for name, why in failures.items())
        super().__init__(f"{len(failures)} of {count} runs failed, which the same zscope study tries again: {named}")


@dataclass(frozen=True)
class Watching:
    """Who is told how far a study is.

    Attributes
    ----------
    progress, log
        Told of steps, and of lines for people.
    wrap : callable
        Applied to `progress` for each training (the command line adds an estimate of the time).
    lines : callable
        Gives the progress of a run by its name, where several are done at a time.
    """

    progress: Progress = silent
    log: Log = print
    wrap: Wrap = unwrapped
    lines: Callable[[str], Progress] = lambda name: silent  # noqa: ARG005


def run_study(
    spec: StudySpec,
    text: str,
    store: ImageStore,
    out: Path,
    options: StudyOptions,
    *,
    progress: Progress = silent,
    wrap: Wrap = unwrapped,
    lines: Callable[[str], Progress] = lambda name: silent,  # noqa: ARG005
    log: Log = print,
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
    progress, wrap, lines, log
        See `Watching`.

    Returns
    -------
    StudyPayload
        What the report shows.

    Raises
    ------
    ExistsError
        A run's folder holds a run of another configuration or of other images, or `out` a report or a ``study.json``
        that is no study's, and `force` is off.
    ParameterError
        A run asks for a model that cannot be, or cannot be for these images; none is begun then.
    RunsFailed
        Some runs failed, and the others are done.
    Interrupted, KeyboardInterrupt
        The user stopped it; the same study goes on.
    """
    foreign = [out / name for name in ("study.json", "report.html") if (out / name).exists()]
    if foreign and not options.force and not has_format(out / "study.json", FORMAT):
        raise ExistsError(f"{foreign[0]} exists and is no study's; give --force to replace it, or another --out")
    tasks = _tasks(spec, store, out, options)
    pending = [task for task in tasks if _pending(task)]
    plan = planned(pending, store, open_source(spec.source).default_preset, options.jobs)
    watching = Watching(progress, log, wrap, lines)
    study = _Study(out, spec, text, tasks, {})
    if plan.jobs > 1:
        _all_at_once(study, pending, plan, store, watching)
        watching.log(f"{len(pending) - len(study.failures):,} of {len(pending):,} runs are done")
    _one_by_one(study, tasks if plan.jobs == 1 else [task for task in tasks if task not in pending], store, watching)
    done = [Run.open(task.out) for task in tasks if task.name not in study.failures]
    payload = load_study(spec.name, done, label=spec.label, study_file=text) if done else None
    if study.failures or payload is None:
        raise RunsFailed(study.failures, len(tasks), payload)
    return payload


@dataclass(frozen=True)
class _Study:
    """A study at work; `failures` fills."""

    out: Path
    spec: StudySpec
    text: str
    tasks: Sequence[RunTask]
    failures: dict[str, str]

    def write(self, done: Sequence[str]) -> None:
        """Write which runs belong to it so far, in the order of its file."""
        write_study(self.out, self.spec, self.text, [task.name for task in self.tasks if task.name in done])


def _tasks(spec: StudySpec, store: ImageStore, out: Path, options: StudyOptions) -> list[RunTask]:
    requests = spec.requests(**options.changes())
    ladder = spec.ladder(requests)
    if ladder:
        LadderSettings(samplers=ladder).check()
    return [
        RunTask(
            name,
            out / name,
            spec.source,
            store.path,
            _plan(name, request, spec, store, out / name, options),
            request,
            spec.measure,
            spec.sample,
            ladder,
        )
        for name, request in requests.items()
    ]


def _pending(task: RunTask) -> bool:
    """Whether there is work to do that is worth a process; what is merely checked is not."""
    made = ["measures.json", "samples/manifest.json", *(["ladder.json"] if task.ladder else [])]
    return task.action != "up to date" or not all((task.out / name).exists() for name in made)


def _one_by_one(study: _Study, tasks: Sequence[RunTask], store: ImageStore, watching: Watching) -> None:
    done = {task.name for task in study.tasks if task not in tasks and task.name not in study.failures}
    for task in tasks:
        watching.log(f"── {task.name}")
        try:
            do_run(task, store, progress=watching.progress, wrap=watching.wrap, log=watching.log)
        except Interrupted:
            raise
        except ZscopeError as error:
            study.failures[task.name] = str(error)
            watching.log(f"{task.name} failed: {error}")
            continue
        done.add(task.name)
        study.write(list(done))


def _all_at_once(study: _Study, pending: Sequence[RunTask], plan: Plan, store: ImageStore, watching: Watching) -> None:
    """Do runs in several processes; one line says how each has ended."""
    if pending[0].ladder:
        prepare_judge(pending[0], store, progress=watching.progress, log=watching.log)
    done = {task.name for task in study.tasks if task not in pending}
    begun = len(done)
    threads = f"{plan.threads} thread{'s' if plan.threads > 1 else ''}"
    watching.log(f"{len(pending)} runs in {plan.jobs} processes of {threads}")

    def ended(task: RunTask, why: str) -> None:
        if why:
            study.failures[task.name] = why
            watching.log(f"{task.name} failed: {why}")
            return
        done.add(task.name)
        study.write(list(done))
        watching.log(f"{task.name}: {_end_words(Run.open(task.out))} ({len(done) - begun} of {len(pending)})")

    try:
        do_in_parallel(pending, plan, lines=watching.lines, ended=ended, log=watching.log)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{study.out}: stopped; {len(done) - begun} of {len(pending)} runs are done, the same zscope study goes on "
            "with the others from where they are"
        ) from None


def _end_words(run: Run) -> str:
    """Say where the losses ended, of held-out images where there are any."""
    last = {record["split"]: record for record in run.metrics()}
    found = last.get("held-out") or last["train"]
    kl = f", KL {found['kl']:.2f}" if run.config["model"]["kind"] != "ae" else ""
    return f"total {found['total']:.2f}, reconstruction {found['reconstruction']:.2f}{kl} nats per image"


def _plan(
    name: str, request: TrainRequest, spec: StudySpec, store: ImageStore, folder: Path, options: StudyOptions
) -> str:
    """Decide what is to be done about a run: ``up to date``, ``train``, ``resume`` or ``replace``."""
    preset = open_source(spec.source).default_preset
    try:
        model, training = request.resolve_model(store.shape, preset), request.resolve_training(store.shape, preset)
        check(model, training, *image_counts(store, training), processes=1)
    except ParameterError as error:
        raise ParameterError(f"runs.{name}.{error.name}", error.must, error.got) from None
    if not (folder / "run.json").exists():
        if folder.exists() and any(folder.iterdir()):
            raise ExistsError(f"{folder} exists and is no run folder")
        return "replace" if folder.exists() else "train"
    run = Run.open(folder)
    if run.manifest["hash"] != config_hash(resolved(model, training), store.hash):
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
