"""One run of a study: train, encode, measure, sample and score it, each only where it is not up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from zscope.errors import CodesError
from zscope.generation.ladder import LEAST
from zscope.generation.sampling import with_prior
from zscope.judging import judge_folder, judge_for
from zscope.runs.ladders import SAMPLER, read_ladder
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.study.encode import encode, model_hash
from zscope.study.ladder import SCORING, LadderSettings, ladder_run
from zscope.study.measure import measure_run
from zscope.study.request import TrainRequest
from zscope.study.sample import prior_of, sample_run
from zscope.study.spec import Measuring, Sampling
from zscope.study.train import train
from zscope.typing import JsonDict, Progress, silent

Wrap = Callable[[Progress], Progress]
Log = Callable[[str], None]


def unwrapped(progress: Progress) -> Progress:
    """Leave a progress as it is."""
    return progress


@dataclass(frozen=True)
class RunTask:
    """What is to be done for one run of a study; it can be sent to another process.

    Attributes
    ----------
    name : str
        Of the run.
    out : Path
        Its folder.
    source : str
        Where the images come from.
    store : Path
        The images, prepared.
    action : {"train", "resume", "replace", "up to date"}
        What its model needs.
    request : TrainRequest
        The model.
    measure, sample
        How it is measured and sampled.
    ladder : tuple of str
        Samplers that are scored; empty for none.
    """

    name: str
    out: Path
    source: str
    store: Path
    action: str
    request: TrainRequest
    measure: Measuring
    sample: Sampling
    ladder: tuple[str, ...] = ()

    def as_json(self) -> JsonDict:
        """Give the task as JSON; `from_json` gives an equal one back."""
        given = {
            "name": self.name,
            "out": str(self.out),
            "source": self.source,
            "store": str(self.store),
            "action": self.action,
            "request": self.request.model_dump(mode="json"),
            "measure": self.measure.model_dump(mode="json"),
            "sample": self.sample.model_dump(mode="json"),
            "ladder": list(self.ladder),
        }
        return cast(JsonDict, given)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            content["name"],
            Path(content["out"]),
            content["source"],
            Path(content["store"]),
            content["action"],
            TrainRequest.of(**content["request"]),
            Measuring(**content["measure"]),
            Sampling(**content["sample"]),
            tuple(content["ladder"]),
        )

    @property
    def settings(self) -> LadderSettings:
        """How its samplers are scored."""
        return LadderSettings(samplers=self.ladder, seed=self.sample.seed)


def do_run(
    task: RunTask, store: ImageStore, *, progress: Progress = silent, wrap: Wrap = unwrapped, log: Log = print
) -> Run:
    """Bring one run up to date.

    Parameters
    ----------
    task : RunTask
        What is to be done.
    store : ImageStore
        Its images.
    progress, log
        Told of steps, and of lines for people.
    wrap : callable
        Applied to `progress` for the training.

    Returns
    -------
    Run
        Trained, encoded, measured, sampled and, where that is asked for, its samplers scored.

    Raises
    ------
    zscope.study.train.Interrupted
        The user stopped the training; the same task goes on.
    ZscopeError
        A step failed.
    """
    device = task.request.device
    if task.action == "up to date":
        log(f"{task.out}: up to date")
        run = Run.open(task.out)
    else:
        run = train(
            task.request,
            task.source,
            store,
            out=task.out,
            resume=task.action == "resume",
            force=task.action == "replace",
            progress=wrap(progress),
            log=log,
        )
    latents = encode(run, device=device, progress=progress, log=log)
    measure_run(run, latents, task.measure.settings(), group=task.measure.group, progress=progress, log=log)
    sample_run(
        run,
        latents,
        clouds=task.sample.clouds,
        n=task.sample.n,
        seed=task.sample.seed,
        device=device,
        progress=progress,
        log=log,
    )
    if task.ladder:
        _score(task, run, latents, progress, log)
    return run


def _score(task: RunTask, run: Run, latents: Latents, progress: Progress, log: Log) -> None:
    """Score the samplers; a run whose samplers cannot be scored goes without, and the log says why."""
    if _scored(task, run):
        log(f"{run.path / 'ladder.json'}: up to date")
        return
    try:
        ladder_run(run, latents, task.settings, device=task.request.device, progress=progress, log=log)
    except CodesError as error:
        log(f"no samplers are scored: {error}")


def _scored(task: RunTask, run: Run) -> bool:
    """Whether all samplers have been scored, of this model, this seed and by today's rules."""
    content = read_ladder(run.path / "ladder.json")
    if not content:
        return False
    about = content["about"]
    named = {entry["sampler"] for entry in (*content["rungs"], *content["left_out"])}
    kept = content["recommended"] is None or (run.path / SAMPLER).exists()
    wanted = {"model": model_hash(run), "scoring": SCORING, "seed": task.sample.seed}
    ladder = set(with_prior(task.ladder, prior_of(run)))
    return kept and ladder <= named and all(about.get(key) == value for key, value in wanted.items())


def prepare_judge(task: RunTask, store: ImageStore, *, progress: Progress = silent, log: Log = print) -> None:
    """Train the judge of the images before several processes ask for it; where it cannot be, the runs say why."""
    train, held_out = store.indices("train"), store.indices("held-out")
    if min(len(train), len(held_out)) >= LEAST:
        judge_for(
            store, train, held_out, cache=judge_folder(store), device=task.request.device, progress=progress, log=log
        )
