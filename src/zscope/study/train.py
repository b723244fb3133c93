"""What ``zscope train`` does: prepare the images, train, and leave a run folder."""

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from zscope.data import open_source
from zscope.errors import ExistsError, FormatError, ParameterError, TrainingError
from zscope.models.autoencoder import Autoencoder
from zscope.models.config import ModelConfig
from zscope.runs.formats import has_format
from zscope.runs.lock import locked
from zscope.runs.run import FORMAT, Run, config_hash
from zscope.runs.store import ImageStore
from zscope.study.naming import run_name
from zscope.study.request import TrainRequest
from zscope.training.checkpoints import read_checkpoint
from zscope.training.checks import check_first_state
from zscope.training.config import TrainingConfig
from zscope.training.devices import resolve_device
from zscope.training.loop import Trainer
from zscope.training.processes import FollowedRun, Processes, launched, launched_alone
from zscope.training.trackers import tracker
from zscope.typing import JsonDict, Progress, silent

Log = Callable[[str], None]


class Interrupted(TrainingError):  # noqa: N818 - no error, but what the user wished
    """The user stopped a run; it can be resumed."""


def train(
    request: TrainRequest,
    source: str,
    store: ImageStore,
    *,
    out: Path | None = None,
    resume: bool = False,
    start_from: Path | None = None,
    force: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    progress: Progress = silent,
    log: Log = print,
) -> Run:
    """Train one model.

    Parameters
    ----------
    request : TrainRequest
        What to train.
    source : str
        The source as the user wrote it.
    store : ImageStore
        Its images, prepared.
    out : Path, optional
        The run folder; by default ``runs/SOURCE-MODEL-zD[-WEIGHT]-sSEED``.
    resume : bool
        Continue the run that is there.
    start_from : Path, optional
        A checkpoint of another run to start from, with this request's seed.
    force : bool
        Replace a run that is there.
    encoder, decoder : Module, optional
        Modules of your own in place of a network, see `zscope.models.Autoencoder.of`. They are trained themselves, and
        begin with the weights that they have.
    progress, log
        Told of steps and of lines for people.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    Interrupted
        The user stopped it; `resume` goes on.
    KeyboardInterrupt
        The user stopped it in its last step; the run is finished.
    TrainingError
        Another process trains this run, or it cannot go on.
    """
    own = open_source(source).default_preset
    processes = launched(resolve_device(request.device))
    brought = encoder is not None or decoder is not None
    model_config = request.resolve_model(store.shape, own, own=brought)
    started = None if start_from is None else checkpoint_name(start_from)
    training = request.resolve_training(store.shape, own, started)
    out = out or Path("runs") / (run_name(source, model_config, request.seed) + init_name(training))
    if out.is_symlink() or out.name in ("", ".."):
        out = out.resolve()  # a link stays and what it points to is replaced; "." is no name to put a run aside under
    config = resolved(model_config, training)
    plan = _Plan(model_config, training, store, request, start_from, processes, progress, log, encoder, decoder)
    if not processes.main:
        return _follow(plan)
    with _place(out):
        if resume and (out / "run.json").exists():
            run = _resumable(Run.open(out), config, store)
            if run.state == "finished" and run.config["training"]["epochs"] == training.epochs:
                log(f"{out} is finished: up to date")
                processes.told(_Led(str(out), resume=True, done=True))
                return run
            return _lead(run, plan, resume=True)
        if force:
            _spare(out, {"the checkpoint": start_from, "the image store": store.path, "the working folder": Path.cwd()})
        with _making_room(out, force, log) as replaced:
            run = Run.create(
                out, source=source, config=config, data=about_data(store, training), seed=request.seed, force=force
            )
            run.save(replaces=list(replaced))
            return _lead(run, plan, resume=False)


@contextmanager
def _place(out: Path) -> Iterator[None]:
    """Hold the lock of a run folder; folders above it that hold nothing in the end are removed again."""
    above = [folder for folder in out.absolute().parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with locked(out):
            yield
    finally:
        for folder in above:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


def _spare(out: Path, needed: Mapping[str, Path | None]) -> None:
    """Refuse to replace a folder that holds what the new run needs."""
    for what, path in needed.items():
        if path is not None and out.exists() and path.resolve().is_relative_to(out.resolve()):
            raise ParameterError(
                "--out", f"be another folder: {what} {path} lies in it and --force would remove it", str(out)
            )


@contextmanager
def _making_room(out: Path, force: bool, log: Log) -> Iterator[list[str]]:
    """Lose nothing and leave nothing: a new run counts from its first checkpoint on.

    A run that `force` replaces stands aside, where people see it, until the new one is finished, and comes back if that
    never gets a checkpoint. Yields the names of what stands aside, of earlier replacements too.
    """
    aside, names = None, list[str]()
    if force and has_format(out / "run.json", FORMAT):
        aside = out.with_name(f"{out.name}.old-{secrets.token_hex(2)}")
        names = [aside.name, *(path.name for path in _replaced(out))]
        out.rename(aside)
        log(f"{out}: the run that is replaced is kept as {aside} until the new one is finished")
    not_ours = (out / "run.json").exists()
    try:
        yield names
    finally:
        counts = (out / "checkpoints" / "last").exists() or (out / "model").exists()
        if not counts and not not_ours:
            if (out / "run.json").exists():
                shutil.rmtree(out)
            if aside is not None:
                aside.rename(out)


def _replaced(folder: Path) -> list[Path]:
    """Find the runs that stand aside until the one in a folder is finished."""
    try:
        names = Run.open(folder).manifest.get("replaces")
    except FormatError:  # a run too damaged to say so
        names = None
    listed = [Path(str(name)).name for name in names] if isinstance(names, list) else []
    paths = [folder.with_name(name) for name in listed if name.startswith(f"{folder.resolve().name}.old-")]
    return [path for path in paths if has_format(path / "run.json", FORMAT)]


@dataclass(frozen=True)
class _Plan:
    """All that a training needs beside its run folder."""

    model: ModelConfig
    training: TrainingConfig
    store: ImageStore
    request: TrainRequest
    start_from: Path | None
    processes: Processes
    progress: Progress
    log: Log
    encoder: nn.Module | None
    decoder: nn.Module | None


@dataclass(frozen=True)
class _Led:
    """What the main process tells the others: where the run is, if it is resumed, and if nothing is to be done."""

    out: str
    resume: bool
    done: bool = False


def _lead(run: Run, plan: _Plan, *, resume: bool) -> Run:
    """Train on the main process, and clear up after it."""
    plan.processes.told(_Led(str(run.path), resume))
    replaced = _replaced(run.path)
    try:
        return _fit(run, plan, resume, replaced)
    finally:
        if run.state == "finished":
            for folder in replaced:
                shutil.rmtree(folder)
            run.save(replaces=[])


def _follow(plan: _Plan) -> Run:
    """Train on a process that is not the main one, which writes nothing."""
    led = plan.processes.told(_Led("", resume=False))
    run = FollowedRun.open(led.out)
    return run if led.done else _fit(run, plan, led.resume, [])


def _trainer(run: Run, plan: _Plan) -> Trainer:
    """Make the model with its first weights, and what trains it."""
    training, request, main = plan.training, plan.request, plan.processes.main
    torch.manual_seed(training.seed if training.init_seed is None else training.init_seed)
    model = Autoencoder(plan.model, plan.encoder, plan.decoder)
    check_first_state(model)
    if training.init_seed is not None:
        torch.manual_seed(training.seed)
    return Trainer(
        run,
        model,
        plan.store,
        training,
        device=resolve_device(request.device),
        keep_every=request.keep_every,
        grids_every=request.grids_every,
        processes=plan.processes,
        tracker=tracker(request.tracker)() if main else None,
        progress=plan.progress if main else silent,
        log=plan.log if main else _unheard,
    )


def _unheard(line: str) -> None:
    """Log of the processes that are not the main one."""


def _fit(run: Run, plan: _Plan, resume: bool, replaced: list[Path]) -> Run:
    trainer = _trainer(run, plan)
    last = run.path / "checkpoints" / "last"
    if resume and last.exists():
        trainer.resume(last)
        trainer.log(f"resumed after epoch {trainer.position.epoch}, step {trainer.position.step}")
    elif resume and run.state == "finished":
        raise TrainingError(
            f"{run.path} is finished, but without checkpoints/last it cannot go on; --force trains anew"
        )
    else:
        if resume:
            trainer.log(f"{run.path} holds no checkpoint: it begins anew")
            run.truncate_metrics(0)
        if plan.start_from is not None:
            trainer.start_from(plan.start_from)
    config = resolved(plan.model, plan.training)
    parameters = trainer.model.parameter_count
    run.save(config=config, hash=config_hash(config, plan.store.hash), parameters=parameters)
    for line in _beginning(run, trainer):
        trainer.log(line)
    if not trainer.fit():
        where = f"epoch {trainer.position.epoch + 1}, step {trainer.position.step}"
        kept = f"; until it is finished, {replaced[0]} keeps the run that it replaces" if replaced else ""
        raise Interrupted(
            f"{run.path}: stopped in {where}; zscope train … --resume, or the same zscope study, "
            f"goes on from there{kept}"
        )
    return run


def _beginning(run: Run, trainer: Trainer) -> Iterator[str]:
    """Say what is trained, on what, and by whom."""
    config, model = trainer.config, trainer.model
    yield (
        f"{run.label}: {model.parameter_count:,} parameters, z_dim {model.config.z_dim}, "
        f"{config.precision} on {trainer.device.type}"
    )
    yield _objective(model.config)
    limited = "" if config.limit is None else f" (--limit {config.limit}: the first of a seeded shuffle)"
    images = len(trainer.train.rows)
    yield f"{trainer.store.path}: {images:,} training and {len(trainer.held_out.rows):,} held-out images{limited}"
    if images < trainer.train.images_a_step:
        yield f"fewer images than the {trainer.train.images_a_step:,} of a step: each step takes all of them"
    if trainer.processes.count > 1:
        yield f"{trainer.processes.count} processes, each with its part of every batch"
    elif launched_alone():
        yield "one process: accelerate launch --cpu starts no more; --multi_gpu --num_processes N does, on CPUs too"


def _objective(model: ModelConfig) -> str:
    """Say what is minimised.

    Examples
    --------
    >>> from zscope.models.config import validated
    >>> values = {"shape": (8, 8, 1), "z_dim": 2, "layers": [{"filters": 4}], "regularisers": "free-bits+l2"}
    >>> _objective(validated(kind="vae", beta=2, schedule="linear:epochs=5", **values))
    'minimises −log p(x|z) (bernoulli) + 2 × free-bits + l2; KL weight linear:epochs=5.0'
    """
    terms = [f"{model.beta:g} × {item.text}" if item.form_of_kl else item.text for item in model.objective]
    terms = [term for term, item in zip(terms, model.objective, strict=True) if item.name != "none"]
    said = [" + ".join([f"minimises −log p(x|z) ({model.likelihood})", *terms])]
    for name, words in (("schedule", "KL weight"), ("corruption", "images corrupted by"), ("prior", "prior")):
        part = getattr(model, name)
        if part != ModelConfig.model_fields[name].default:
            said.append(f"{words} {part.text}")
    return "; ".join(said)


def estimate(log: Log, progress: Progress, *, after: float = 3.0) -> Progress:
    """Wrap a progress so that, `after` seconds into the training, it logs once how long the whole will take."""
    begun: list[tuple[float, int]] = []
    told: list[bool] = []

    def wrapped(what: str, done: int, total: int, /, **figures: float | str) -> None:
        now = time.perf_counter()
        if not begun:
            begun.append((now, done))
        elif not told and now - begun[0][0] > after:
            told.append(True)
            step = (now - begun[0][0]) / (done - begun[0][1])
            minutes = step * (total - done) / 60
            log(f"{1000 * step:.0f} ms a step, {total - done:,} steps to go: about {max(minutes, 0.1):.1f} minutes")
        progress(what, done, total, **figures)

    return wrapped


def checkpoint_name(checkpoint: Path) -> str:
    """Name a checkpoint for the configuration of a run that starts from it: the hash of its own run, and the epoch."""
    _, state = read_checkpoint(checkpoint)
    return f"{state['run']}, epoch {state['position']['epoch']}"


def init_name(training: TrainingConfig) -> str:
    """Add to the name of a run whose first weights have a seed of their own."""
    return "" if training.init_seed is None else f"-init{training.init_seed}"


def resolved(model: ModelConfig, training: TrainingConfig) -> JsonDict:
    """Give the configuration of a run, as it is stored and hashed."""
    return cast(JsonDict, {"model": model.model_dump(mode="json"), "training": training.model_dump(mode="json")})


def image_counts(store: ImageStore, training: TrainingConfig) -> tuple[int, int]:
    """Count the images that a run trains on and holds out."""
    chosen = store.selection(training.limit)
    train_count = int((store.split[chosen] == "train").sum())
    return train_count, len(chosen) - train_count


def about_data(store: ImageStore, training: TrainingConfig) -> JsonDict:
    """Describe the images of a run."""
    train_count, held_out = image_counts(store, training)
    return {
        "store": str(store.path.resolve()),
        "hash": store.hash,
        "count": len(store),
        "shape": list(store.shape),
        "limit": training.limit,
        "train": train_count,
        "held_out": held_out,
    }


def _resumable(run: Run, config: JsonDict, store: ImageStore) -> Run:
    """Check that a run folder is of this configuration and data; more epochs than before are welcome."""
    if run.data["hash"] != store.hash:
        raise ExistsError(f"{run.path} was trained on other images (data hash {str(run.data['hash'])[:12]}…)")
    for part in ("model", "training"):
        before, now = run.config[part], cast(dict[str, Any], config[part])
        for name in {**now, **before}:
            grown = (part, name) == ("training", "epochs") and before[name] <= now[name]
            if before.get(name) != now.get(name) and not grown:
                raise ExistsError(
                    f"{run.path} has {name} {_given(before, name)}, not {_given(now, name)}; it cannot be resumed so"
                )
    ends = _ends_with_the_run(run.config)
    if ends is not None and run.config["training"]["epochs"] != config["training"]["epochs"]:  # type: ignore[call-overload, index]
        raise ExistsError(f"{run.path} has the {ends}, which ends with its last epoch; train anew")
    return run


def _ends_with_the_run(config: Mapping[str, Any]) -> str | None:
    """Name what is laid out over all epochs, so that more of them would change those that are over."""
    rate, schedule = config["training"].get("rate_schedule"), config["model"].get("schedule", {}).get("name")
    if rate in ("cosine", "linear"):
        return f"rate_schedule {rate}"
    if schedule == "cyclical":
        return f"KL schedule {schedule}"
    names = [item["name"] for item in config["model"].get("regularisers", ())]
    return "regulariser capacity" if "capacity" in names else None


def _given(values: Mapping[str, Any], name: str) -> str:
    """Show a value of a configuration, in which defaults of later fields are not written."""
    return repr(values[name]) if name in values else "the default"
