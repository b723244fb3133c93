"""Trackio."""

from collections.abc import Mapping
from typing import Any, ClassVar

from zscope.runs.run import Run
from zscope.training.trackers.base import Tracker, flat
from zscope.typing import ImageArray


class Trackio(Tracker):
    """Logs to the project ``zscope`` of the local Trackio.

    That a run is known there is kept in ``run.json``: a resumed run goes on with the last one of its folder's name, and
    any other is a new one.
    """

    name: ClassVar[str] = "trackio"
    package: ClassVar[str] = "trackio"

    def begin(self, run: Run, step: int) -> None:  # noqa: ARG002
        """Start a run there, or go on with the one that it had."""
        self._module: Any = self.imported("trackio")
        resume = "allow" if run.manifest.get("trackio") else "never"
        self._module.init(project="zscope", name=run.name, config=flat(run.config), resume=resume)
        run.save(trackio=True)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log figures."""
        self._module.log(dict(values), step=step)

    def picture(self, step: int, name: str, image: ImageArray) -> None:
        """Log a picture; Trackio takes three channels."""
        pixels = image.repeat(3, axis=2) if image.shape[2] == 1 else image
        self._module.log({name: self._module.Image(pixels, caption=name)}, step=step)

    def event(self, step: int, says: str) -> None:
        """Log a text."""
        self._module.log({"event": says}, step=step)

    def end(self, state: str) -> None:  # noqa: ARG002
        """Finish the run there."""
        self._module.finish()
