"""Weights & Biases."""

from collections.abc import Mapping
from typing import Any, ClassVar

from zscope.runs.run import Run
from zscope.training.trackers.base import Tracker
from zscope.typing import ImageArray

STEP = "training_step"


class WandB(Tracker):
    """Logs to the project ``zscope`` of Weights & Biases.

    Its identifier of the run is kept in ``run.json``, so that a resumed run goes on there. Its own step can only rise,
    and a rescued run goes back: curves are drawn over ``training_step``.
    """

    name: ClassVar[str] = "wandb"
    package: ClassVar[str] = "wandb"

    def begin(self, run: Run, step: int) -> None:  # noqa: ARG002
        """Start a run there, or go on with the one that it had."""
        self._module = self.imported("wandb")
        known = run.manifest.get("wandb")
        self._run: Any = self._module.init(
            project="zscope", name=run.name, id=known, resume="allow", dir=str(run.path), config=run.config
        )
        if known is None:
            run.save(wandb=self._run.id)
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log figures."""
        self._run.log({**values, STEP: step})

    def picture(self, step: int, name: str, image: ImageArray) -> None:
        """Log a picture."""
        pixels = image[:, :, 0] if image.shape[2] == 1 else image
        self._run.log({name: self._module.Image(pixels), STEP: step})

    def event(self, step: int, says: str) -> None:
        """Raise an alert, which also reaches people who do not look."""
        self._run.alert(title="zscope", text=f"step {step}: {says}")

    def end(self, state: str) -> None:
        """Finish the run there; one that did not finish here counts as failed."""
        self._run.finish(exit_code=0 if state == "finished" else 1)
