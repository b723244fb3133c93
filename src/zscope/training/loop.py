"""The training loop: from images in a store to a run folder with a trained model."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zscope.errors import ParameterError, TrainingError
from zscope.models.autoencoder import Autoencoder, Losses
from zscope.models.networks import sizes
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.training.batches import Batches
from zscope.training.checkpoints import Position, load_checkpoint, save_checkpoint
from zscope.training.config import TrainingConfig
from zscope.training.devices import accelerator, threads_for
from zscope.training.interrupt import Interruptible
from zscope.typing import JsonDict, Progress, silent

LINES = 40
"""Most lines about epochs that a run logs."""

EVALUATION_SEED = 0
"""Held-out losses are taken with the same latent noise after every epoch, so that epochs can be compared."""


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
    progress : Progress
        Told of every step.
    log : callable
        Takes lines for people.
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
        progress: Progress = silent,
        log: Callable[[str], None] = print,
    ) -> None:
        self.run = run
        self.store = store
        self.config = config
        self.device = device
        self.keep_every = keep_every
        self.progress = progress
        self.log = log
        self.position = Position()
        chosen = store.selection(config.limit)
        split = store.split[chosen]
        self.train = Batches(store, chosen[split == "train"], config.batch, config.seed)
        self.held_out = Batches(store, chosen[split != "train"], max(config.batch, 256), config.seed)
        if not len(self.train.rows):
            raise TrainingError(f"{store.path}: no training images (all {len(chosen)} chosen ones are held out)")
        if (
            model.config.batch_norm
            and (len(self.train.rows) - 1) % config.batch == 0
            and sizes(model.config)[-1] == (1, 1)
        ):
            raise ParameterError(
                "batch",
                f"not leave a batch of one of {len(self.train.rows):,} training images, "
                "which batch normalisation cannot take where the last feature map is 1×1",
                config.batch,
            )
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # The fused update is one pass over the parameters instead of a dozen.
        self.optimiser = torch.optim.Adam(
            model.parameters(), lr=config.learning_rate, eps=config.adam_eps, fused=device.type in ("cpu", "cuda")
        )

    def resume(self, checkpoint: Path) -> None:
        """Continue exactly where a checkpoint of this run stopped."""
        self.position, _ = load_checkpoint(checkpoint, self.model, self.optimiser, random=True)
        self.run.truncate_metrics(self.position.lines)

    def start_from(self, checkpoint: Path) -> None:
        """Start a new run from another run's checkpoint, with this run's seed for order and noise."""
        position, _ = load_checkpoint(checkpoint, self.model, self.optimiser, random=False)
        if position.step:
            raise TrainingError(f"{checkpoint}: was written in the middle of an epoch; start from the end of one")
        self.position = Position(epoch=position.epoch)

    def fit(self) -> bool:
        """Train to the last epoch.

        Returns
        -------
        bool
            True when the run is finished, False when it was interrupted; both leave a checkpoint to go on from.

        Raises
        ------
        TrainingError
            The loss is no longer finite.
        KeyboardInterrupt
            The user stopped it in the last step; the run is finished and saved all the same.
        """
        self.run.save(state="training")
        engine = accelerator(self.device, self.config.precision)
        model, optimiser = engine.prepare(self.model, self.optimiser)
        try:
            with Interruptible() as interrupt, threads_for(self.model.parameter_count * self.config.batch):
                while self.position.epoch < self.config.epochs:
                    if not self._epoch(model, optimiser, engine.backward, interrupt):
                        self._save("last")
                        self.run.save(state="interrupted")
                        return False
        finally:
            engine.unwrap_model(model, keep_fp32_wrapper=False)
        self.model.eval()
        self.model.save_pretrained(self.run.path / "model", force=True)
        self.run.save(state="finished")
        if interrupt.wanted:
            self.log(f"{self.run.path} is finished; what was to follow is not done")
            raise KeyboardInterrupt
        return True

    def _epoch(
        self,
        model: Callable[[Tensor], Losses],
        optimiser: torch.optim.Optimizer,
        backward: Callable[[Tensor], None],
        interrupt: Interruptible,
    ) -> bool:
        """One epoch from where the run stands; False when it was interrupted on the way."""
        here = self.position
        self.model.train()
        begun, seen = time.perf_counter(), 0
        what = f"epoch {here.epoch + 1}/{self.config.epochs}"
        for images in self.train.epoch(here.epoch, self.device, start=here.step):
            losses = model(images)
            backward(losses.total)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            total, reconstruction, kl = (float(value.detach()) for value in losses)
            if not np.isfinite(total):
                raise self._diverged(f"the loss is {total} at step {here.step + 1} of epoch {here.epoch + 1}")
            here.step += 1
            here.images += len(images)
            here.total += total * len(images)
            here.reconstruction += reconstruction * len(images)
            here.kl += kl * len(images)
            seen += len(images)
            self.progress(
                what,
                here.epoch * len(self.train) + here.step,
                self.config.epochs * len(self.train),
                total=total,
                reconstruction=reconstruction,
                kl=kl,
                images_per_second=seen / (time.perf_counter() - begun),
            )
            if interrupt.wanted and here.step < len(self.train):
                here.seconds += time.perf_counter() - begun
                return False
        here.seconds += time.perf_counter() - begun
        self._end_of_epoch(model)
        return not interrupt.wanted or self.position.epoch == self.config.epochs

    def _end_of_epoch(self, model: Callable[[Tensor], Losses]) -> None:
        here = self.position
        records = [
            self._record("train", here.total / here.images, here.reconstruction / here.images, here.kl / here.images)
        ]
        if len(self.held_out.rows):
            records.append(self._record("held-out", *self.evaluate(model)))
        # The last step's own loss came before its update, so only the weights and the held-out loss tell of it.
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters()):
            raise self._diverged(f"the weights are no longer finite at the end of epoch {here.epoch + 1}")
        if not np.isfinite(float(records[-1]["total"])):  # type: ignore[arg-type]
            raise self._diverged(f"the held-out loss is {records[-1]['total']} at the end of epoch {here.epoch + 1}")
        for record in records:
            self.run.append_metrics(record)
        score = float(records[-1]["total"])  # type: ignore[arg-type]
        improved = here.best is None or score < here.best
        steps = (here.epoch + 1) * len(self.train)
        self.position = Position(
            epoch=here.epoch + 1,
            lines=here.lines + len(records),
            seconds=here.seconds,
            best=score if improved else here.best,
        )
        if self._worth_a_line(here.epoch + 1):
            self.log(self._line(records, steps))
        self._save("last")
        if improved:
            self._save("best")
        if self.keep_every and self.position.epoch % self.keep_every == 0:
            self._save(f"epoch-{self.position.epoch:04d}")

    def _diverged(self, what: str) -> TrainingError:
        before = "; checkpoints/last holds the run as it was before" if self.position.epoch else ""
        return TrainingError(f"{self.run.path}: {what}{before} (a smaller --learning-rate may help)")

    def evaluate(self, model: Callable[[Tensor], Losses]) -> tuple[float, float, float]:
        """Mean total, reconstruction and KL of the held-out images, nats per image."""
        sums = np.zeros(3)
        self.model.eval()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(EVALUATION_SEED)
            for images in self.held_out.in_order(self.device):
                sums += len(images) * np.array([float(value) for value in model(images)])
        total, reconstruction, kl = sums / len(self.held_out.rows)
        return float(total), float(reconstruction), float(kl)

    def _record(self, split: str, total: float, reconstruction: float, kl: float) -> JsonDict:
        channels = self.model.config.channels
        return {
            "step": (self.position.epoch + 1) * len(self.train),
            "epoch": self.position.epoch + 1,
            "split": split,
            "total": total,
            "reconstruction": reconstruction,
            "kl": kl,
            "total_per_channel": total / channels,
            "reconstruction_per_channel": reconstruction / channels,
            "seconds": round(self.position.seconds, 3),
        }

    def _worth_a_line(self, epoch: int) -> bool:
        """Whether people are told of an epoch: of all where there are few, else of about `LINES`, the last among them.

        ``metrics.jsonl`` has every one.
        """
        every = -(-self.config.epochs // LINES)
        return epoch % every == 0 or epoch in (1, self.config.epochs)

    def _line(self, records: list[JsonDict], steps: int) -> str:
        parts = [f"epoch {records[0]['epoch']:>3}/{self.config.epochs}, step {steps:,}"]
        for record in records:
            kl = f", KL {record['kl']:.2f}" if self.model.config.kind == "vae" else ""
            channel = f" ({record['total_per_channel']:.1f} per channel)" if self.model.config.channels > 1 else ""
            parts.append(
                f"{record['split']}: total {record['total']:.2f}{channel}, "
                f"reconstruction {record['reconstruction']:.2f}{kl}"
            )
        return " | ".join(parts) + " nats per image"

    def _save(self, name: str) -> None:
        about: JsonDict = {"run": self.run.manifest["hash"], "config": self.run.manifest["config"]}
        save_checkpoint(self.run.path / "checkpoints" / name, self.model, self.optimiser, self.position, about)
