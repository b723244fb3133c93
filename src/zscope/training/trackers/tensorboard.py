"""TensorBoard: event files in ``RUN/tensorboard``."""

from collections.abc import Mapping
from typing import Any, ClassVar

from zscope.runs.run import Run
from zscope.training.trackers.base import Tracker
from zscope.typing import ImageArray


class TensorBoard(Tracker):
    """Writes what ``tensorboard --logdir RUN`` shows."""

    name: ClassVar[str] = "tensorboard"
    package: ClassVar[str] = "tensorboard"

    def begin(self, run: Run, step: int) -> None:
        """Open an event file; what an earlier one says of later steps is void."""
        module = self.imported("torch.utils.tensorboard")
        self._writer: Any = module.SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1)
        self._writer.add_text("configuration", f"```json\n{run.config}\n```", step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write a point of each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def picture(self, step: int, name: str, image: ImageArray) -> None:
        """Write a picture."""
        self._writer.add_image(name, image, step, dataformats="HWC")

    def event(self, step: int, says: str) -> None:
        """Write a text."""
        self._writer.add_text("events", says, step)

    def end(self, state: str) -> None:  # noqa: ARG002
        """Close the file."""
        self._writer.close()
