"""The training loop: from images in a store to a run folder with a trained model."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch

from zscope.errors import TrainingError
from zscope.models.autoencoder import Autoencoder
from zscope.models.heap import kept_heap
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.training.batches import Batches, Rows
from zscope.training.checkpoints import Position, Snapshot, read_checkpoint, restore, snapshot, write_snapshot
from zscope.training.checks import LEAST_EVALUATED, check, held_out_batch, sees_the_batch
from zscope.training.config import TrainingConfig
from zscope.training.devices import accelerator, threads_for
from zscope.training.grids import due, grid, write_grid
from zscope.training.guard import EVERY, RESCUES, STATE, Diverged, Figures, Guard, settled
from zscope.training.interrupt import Interruptible
from zscope.training.memory import out_of_memory, too_large
from zscope.training.processes import ALONE, Processes
from zscope.training.recipe import PLATEAU, MovingAverage, optimiser_for, step_factor
from zscope.training.records import curves, line, record, worth_a_line
from zscope.training.steps import Stepper
from zscope.training.trackers.base import Tracker
from zscope.training.way_back import WayBack
from zscope.typing import JsonDict, Progress, silent


class Trainer:
    """Trains one model on one store, into one run folder.

    Parameters
    ----------
    run : Run
        Where everything goes.
    model : Autoencoder
        The model, freshly initialised.
    store : ImageStore
        The images.
    config : TrainingConfig
        The resolved recipe.
    device : torch.device
        Where to train.
    keep_every : int or None
        Keep a checkpoint of its own after every so many epochs.
    grids_every : int or None
        Make pictures after every so many epochs, never if 0; None chooses (see `zscope.training.grids`).
    processes : Processes
        Who shares the work.
    tracker : Tracker
        Follows the run from outside.
    progress : Progress
        Told of every step.
    log : callable
        Takes lines for people.

    Attributes
    ----------
    position : Position
        How far the run is.
    guard : Guard
        What watches it.
    events : list of dict
        What happened on the way: ``kind`` (``rescue`` or ``early stop``), ``epoch``, ``step``, ``says`` and more.
    """

    def __init__(
        self,
        run: Run,
        model: Autoencoder,
        store: ImageStore,
        config: TrainingConfig,
        *,
        device: torch.device,
        keep_every: int | None = None,
        grids_every: int | None = None,
        processes: Processes = ALONE,
        tracker: Tracker | None = None,
        progress: Progress = silent,
        log: Callable[[str], None] = print,
    ) -> None:
        self.run = run
        self.store = store
        self.config = config
        self.device = device
        self.keep_every = keep_every
        self.grids_every = grids_every
        self.processes = processes
        self.tracker = tracker or Tracker()
        self.progress = progress
        self.log = log
        self.position = Position()
        self.guard = Guard()
        self.events: list[JsonDict] = []
        chosen = store.selection(config.limit)
        split = store.split[chosen]
        if not (split == "train").any():
            raise TrainingError(f"{store.path}: no training images (all {len(chosen)} chosen ones are held out)")
        self.train = Batches(
            store,
            chosen[split == "train"],
            config.batch,
            config.seed,
            accumulate=config.accumulate,
            processes=processes,
        )
        together = max(config.batch, LEAST_EVALUATED)
        self.held_out = Batches(store, chosen[split != "train"], together, config.seed, processes=processes)
        self.held_out.batch = held_out_batch(model.config, config)
        check(model.config, config, len(self.train.rows), len(self.held_out.rows), processes.count)
        model.data_size = len(self.train.rows)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = optimiser_for(model, config, device)
        self.average = None if config.ema is None else MovingAverage(model, config.ema)
        self.way_back = WayBack(run.path / "checkpoints", len(self.train), processes)

    def resume(self, checkpoint: Path) -> None:
        """Continue exactly where a checkpoint of this run stopped."""
        self._go_to(Snapshot(*read_checkpoint(checkpoint)), str(checkpoint))
        if self.events or "events" in self.run.manifest:
            self.run.save(events=list(self.events))

    def start_from(self, checkpoint: Path) -> None:
        """Start a new run from another run's checkpoint, with this run's seed for order and noise."""
        taken = Snapshot(*read_checkpoint(checkpoint))
        position = restore(taken, self.model, self.optimiser, random=False, place=str(checkpoint))
        if position.step:
            raise TrainingError(f"{checkpoint}: was written in the middle of an epoch; start from the end of one")
        if self.average is not None:
            self.average = MovingAverage(self.model, self.average.decay)
            self.average.load(taken.part("average"))
        self.position = Position(epoch=position.epoch)

    def fit(self) -> bool:
        """Train to the last epoch, or until patience ends.

        Returns
        -------
        bool
            True when the run is finished, False when it was interrupted; both leave a checkpoint to go on from.

        Raises
        ------
        TrainingError
            The run diverges and cannot be rescued, or memory is exhausted.
        KeyboardInterrupt
            The user stopped it in the last step; the run is finished and saved all the same.
        """
        self.run.save(state="training")
        engine = accelerator(self.device, self.config.precision)
        stepper = Stepper(engine, self.model, self.optimiser, self.device, watched=self.config.guard)
        self.tracker.begin(self.run, self._steps_done())
        if not self.way_back.begun:
            self.way_back.begin(self._snapshot())
        state = "failed"
        try:
            threads = threads_for(self.model.parameter_count * self.config.batch)
            with Interruptible() as interrupt, threads, kept_heap():
                finished = self._all_epochs(stepper, interrupt)
            state = "finished" if finished else "interrupted"
        finally:
            stepper.close()
            engine.unwrap_model(stepper.forward, keep_fp32_wrapper=False)
            self.tracker.end(state)
        if not finished:
            self.run.save(state=state)
            return False
        self._save_model()
        self.run.save(state=state)
        if interrupt.wanted:
            self.log(f"{self.run.path} is finished; what was to follow is not done")
            raise KeyboardInterrupt
        return True

    def _all_epochs(self, stepper: Stepper, interrupt: Interruptible) -> bool:
        """All epochs from where the run stands, with rescues; False when it was interrupted on the way."""
        failed: BaseException | None = None
        try:
            while self.position.epoch < self.config.epochs and not self._patience_ended():
                try:
                    if not self._epoch(stepper, interrupt):
                        self._save("last")
                        return False
                except Diverged as divergence:
                    self._rescue(divergence)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            failed = error.with_traceback(None)  # whose frames would keep the memory
        if failed is not None:
            batch, accumulate = self.config.batch, self.config.accumulate
            attempt = partial(stepper.fits, self.train)
            raise too_large(failed, batch, accumulate, attempt, same=not sees_the_batch(self.model.config)) from None
        return True

    def _epoch(self, stepper: Stepper, interrupt: Interruptible) -> bool:
        """One epoch from where the run stands; False when it was interrupted on the way."""
        here = self.position
        self.model.train()
        begun, seen = time.perf_counter(), 0
        what = f"epoch {here.epoch + 1}/{self.config.epochs}"
        for rows in self.train.steps(here.epoch, start=here.step):
            figures = self._step(stepper, rows)
            seen += len(rows)
            self.progress(
                what,
                self._steps_done(),
                self.config.epochs * len(self.train),
                total=figures.total,
                reconstruction=figures.reconstruction,
                kl=figures.kl,
                images_per_second=seen / (time.perf_counter() - begun),
            )
            # A step under suspicion is cleared first, so that no checkpoint is of a run that was about to diverge.
            if here.step < len(self.train) and not self.guard.suspicious and self._wanted(interrupt):
                self._check_state(f"at step {here.step} of epoch {here.epoch + 1}")
                here.seconds += time.perf_counter() - begun
                return False
        here.seconds += time.perf_counter() - begun
        clear = self._end_of_epoch(stepper)
        return not clear or not self._wanted(interrupt) or self.position.epoch == self.config.epochs

    def _wanted(self, interrupt: Interruptible) -> bool:
        """Whether any process was asked to stop: they stop after the same step."""
        return self.processes.summed([float(interrupt.wanted)], self.device)[0] > 0

    def _step(self, stepper: Stepper, rows: Rows) -> Figures:
        """Take one step and count it."""
        here = self.position
        done, steps = self._steps_done(), self.config.epochs * len(self.train)
        factor = step_factor(self.config, done, steps, here.halvings) * 0.5**self.guard.memory.halvings
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * factor
        self.model.begin_step(here.epoch + here.step / len(self.train), self.config.epochs)
        clips = [bound for bound in (self.config.clip_norm, self.guard.memory.clip) if bound is not None]
        figures = stepper.take(self.train, rows, min(clips, default=None), look=self.config.guard and done % EVERY == 0)
        where = f"at step {here.step + 1} of epoch {here.epoch + 1}"
        if self.config.guard:
            self.guard.watch(settled(figures), where)
        elif not math.isfinite(figures.total):
            raise Diverged("loss", figures.total, math.inf, where)
        if self.average is not None:
            self.average.update(self.model, done + 1)
        here.step += 1
        here.images += len(rows)
        here.total += figures.total * len(rows)
        here.reconstruction += figures.reconstruction * len(rows)
        here.kl += figures.kl * len(rows)
        here.missing += (self.model.config.beta - self.model.weight) * len(rows)
        for name, value in figures.terms.items():
            here.terms[name] = here.terms.get(name, 0.0) + value * len(rows)
        return figures

    def _end_of_epoch(self, stepper: Stepper) -> bool:
        """Judge, tell and keep an epoch; False when it is not kept, since the run may be about to diverge."""
        here = self.position
        where = f"at the end of epoch {here.epoch + 1}"
        self._check_state(where)
        means = self._means(stepper)
        score, judged = means[-1][1].total, settled(means[-1][1]).total
        if not math.isfinite(score):
            raise Diverged("held-out loss", score, math.inf, where)
        doubtful = self.guard.suspicious and judged > self.guard.loss_bound
        records = self._records(means)
        self.position = self._next_position(math.inf if doubtful else score, len(records))
        over = self.position.epoch == self.config.epochs or self._patience_ended()
        if doubtful and over:
            self.position = here
            raise Diverged("held-out loss", judged, self.guard.loss_bound, where)
        for entry in records:
            self.run.append_metrics(entry)
        if doubtful:
            return False
        if worth_a_line(self.position.epoch, self.config.epochs):
            self.log(line(self.model.config, records, self.config.epochs))
        self.tracker.scalars(self._steps_done(), curves(records))
        self._picture()
        if self._patience_ended():
            self._stop_early()
        if self.position.stale == 0:
            self._save("best")
        self._save("last")
        if self.config.guard:
            self.way_back.passed()
        if self.keep_every and self.position.epoch % self.keep_every == 0:
            self._save(f"epoch-{self.position.epoch:04d}")
        return True

    def _means(self, stepper: Stepper) -> list[tuple[str, Figures, float]]:
        """Losses of the epoch that ends, by split, with the mean weight of the KL."""
        here, beta = self.position, self.model.config.beta
        terms = {name: value / here.images for name, value in here.terms.items()}
        means = Figures(here.total / here.images, here.reconstruction / here.images, here.kl / here.images, terms)
        found = [("train", means, beta - here.missing / here.images)]
        return [*found, ("held-out", self.evaluate(stepper), beta)] if len(self.held_out.rows) else found

    def _records(self, means: list[tuple[str, Figures, float]]) -> list[JsonDict]:
        """Make the lines of ``metrics.jsonl`` of the epoch that ends."""
        here = self.position
        return [
            record(
                self.model.config,
                split,
                figures,
                epoch=here.epoch + 1,
                step=(here.epoch + 1) * len(self.train),
                seconds=here.seconds,
                weight=weight,
            )
            for split, figures, weight in means
        ]

    def _next_position(self, score: float, lines: int) -> Position:
        here = self.position
        improved = score < (math.inf if here.best is None else here.best)
        stale = 0 if improved else here.stale + 1
        falls = self.config.rate_schedule == "plateau" and stale > 0 and stale % PLATEAU == 0
        return Position(
            epoch=here.epoch + 1,
            lines=here.lines + lines,
            seconds=here.seconds,
            best=score if improved else here.best,
            stale=stale,
            halvings=here.halvings + falls,
        )

    def evaluate(self, stepper: Stepper) -> Figures:
        """Mean losses of the held-out images, nats per image, with the averaged weights where there are any."""
        self.model.eval()
        with self._shown_weights():
            return stepper.evaluate(self.held_out, self.config.batch, self.log)

    def _shown_weights(self) -> AbstractContextManager[None]:
        """Let the model have the weights that are judged and saved, for the length of a block."""
        return nullcontext() if self.average is None else self.average.in_place(self.model)

    def _steps_done(self) -> int:
        return self.position.epoch * len(self.train) + self.position.step

    def _check_state(self, where: str) -> None:
        # A step's own loss comes before its update, so only what the step leaves behind and the next loss tell of it.
        moments = [value for entries in self.optimiser.state.values() for value in entries.values()]
        average = [] if self.average is None else self.average.tensors.values()
        for name, tensors in zip(STATE, (self.model.state_dict().values(), moments, average), strict=True):
            if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
                raise Diverged(name, math.nan, math.inf, where)

    def _patience_ended(self) -> bool:
        return self.config.patience is not None and self.position.stale >= self.config.patience

    def _stop_early(self) -> None:
        best = self.position.epoch - self.position.stale
        says = f"no lower held-out total for {self.position.stale} epochs: the model is that of epoch {best}"
        self._happened("early stop", says, epoch=self.position.epoch, step=self._steps_done(), best_epoch=best)

    def _happened(self, kind: str, says: str, *, epoch: int, step: int, **more: str | float | None) -> None:
        """Note an event in the run, in the log and in the tracker."""
        self.events.append({"kind": kind, "epoch": epoch, "step": step, "says": says, **more})
        self.run.save(events=list(self.events))
        self.log(says)
        self.tracker.event(step, says)

    def _rescue(self, divergence: Diverged) -> None:
        """Go back to the last good checkpoint and go on more carefully; give up when that was done too often."""
        before, events = self.guard.memory, self.events
        if not self.config.guard or before.rescues == RESCUES:
            raise self._given_up(divergence)
        epoch, step = self.position.epoch + 1, self._steps_done() + 1
        self._go_to(self.way_back.before(step, divergence.steps), str(self.run.path))
        self.events = events
        change = self.guard.rescued(before, self.config.rescue)
        back = f"epoch {self.position.epoch}" if self._steps_done() else "the beginning"
        rescue = self.guard.memory.rescues
        self._happened(
            "rescue",
            f"{divergence}: back to {back} with {change}, rescue {rescue} of {RESCUES}",
            epoch=epoch,
            step=step,
            signal=divergence.signal,
            value=divergence.value if math.isfinite(divergence.value) else None,
            bound=divergence.bound if math.isfinite(divergence.bound) else None,
            back_to=self.position.epoch,
            rescue=rescue,
            step_size=self.config.learning_rate * 0.5**self.guard.memory.halvings,
            clip=self.guard.memory.clip,
        )
        if self.way_back.begun:
            self._save("last")

    def _given_up(self, divergence: Diverged) -> TrainingError:
        rescued = self.guard.memory.rescues
        after = f" after {rescued} rescues" if rescued else ""
        before = "; checkpoints/last holds the run as it was before" if self.way_back.begun else ""
        return TrainingError(f"{self.run.path}: {divergence}{after}{before} (a smaller --learning-rate may help)")

    def _picture(self) -> None:
        """Make the pictures that are due, in the run's folder and for the tracker."""
        epoch = self.position.epoch
        if not due(epoch, self.config.epochs, self.grids_every) or not self.processes.main:
            return
        shown = self.held_out.rows if len(self.held_out.rows) else self.train.rows
        with self._shown_weights():
            picture = grid(self.model, self.store, shown, self.train.rows)
        write_grid(self.run.path, epoch, picture)
        self.tracker.picture(self._steps_done(), "reconstructions and samples", picture)

    def _snapshot(self) -> Snapshot:
        tensors, memory = self.guard.state()
        more = {f"guard.{name}": tensor for name, tensor in tensors.items()}
        if self.average is not None:
            more |= {f"average.{name}": tensor for name, tensor in self.average.tensors.items()}
        about = {
            "run": self.run.manifest["hash"],
            "config": self.run.manifest["config"],
            "guard": memory,
            "events": list(self.events),
        }
        return snapshot(self.model, self.optimiser, self.position, about, more)

    def _go_to(self, taken: Snapshot, place: str) -> None:
        """Put everything where a snapshot of this run left it; lines of later epochs are written anew."""
        self.position = restore(taken, self.model, self.optimiser, random=True, place=place)
        self.guard.restore(taken.part("guard"), taken.state.get("guard"))
        self.events = list(taken.state.get("events", []))
        if self.average is not None:
            self.average.load(taken.part("average"))
        self.run.truncate_metrics(self.position.lines)

    def _save(self, name: str) -> None:
        if self.processes.main:
            write_snapshot(self.run.path / "checkpoints" / name, self._snapshot())

    def _save_model(self) -> None:
        """Write the model: of the best epoch where training has patience, with averaged weights where there are any."""
        if self.config.patience is not None and self.position.best is not None:
            best = Snapshot(*read_checkpoint(self.run.path / "checkpoints" / "best"))
            self.model.load_state_dict(best.part("model"))
            if self.average is not None:
                self.average.load(best.part("average"))
        if self.average is not None:
            self.average.put_into(self.model)
        self.model.eval()
        if self.processes.main:
            self.model.save_pretrained(self.run.path / "model", force=True)
