"""MLflow."""

from collections.abc import Mapping
from typing import Any, ClassVar

from zscope.runs.run import Run
from zscope.training.trackers.base import Tracker, flat
from zscope.typing import ImageArray

_STATES = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class MLflow(Tracker):
    """Logs to the experiment ``zscope`` of the tracking server that the environment names.

    Its identifier of the run is kept in ``run.json``, so that a resumed run goes on there.
    """

    name: ClassVar[str] = "mlflow"
    package: ClassVar[str] = "mlflow"

    def begin(self, run: Run, step: int) -> None:  # noqa: ARG002
        """Start a run there, or go on with the one that it had."""
        self._module: Any = self.imported("mlflow")
        self._module.set_experiment("zscope")
        known = run.manifest.get("mlflow")
        begun = self._module.start_run(run_name=run.name, run_id=known)
        if known is None:
            run.save(mlflow=begun.info.run_id)
            self._module.log_params(flat(run.config))  # which it does not let change
        events = run.manifest.get("events")
        self._events = len(events) if isinstance(events, list) else 0

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log figures."""
        self._module.log_metrics(dict(values), step=step)

    def picture(self, step: int, name: str, image: ImageArray) -> None:
        """Log a picture."""
        self._module.log_image(image, key=name, step=step)

    def event(self, step: int, says: str) -> None:
        """Set a tag, one an event."""
        self._events += 1
        self._module.set_tag(f"event.{self._events}", f"step {step}: {says}")

    def end(self, state: str) -> None:
        """End the run there."""
        self._module.end_run(status=_STATES[state])
