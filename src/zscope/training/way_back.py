"""The checkpoints that a diverging run can go back to: the ends of its last two epochs in line, or its beginning."""

import os
import shutil
from pathlib import Path

from zscope.runs.formats import staged_folder
from zscope.training.checkpoints import Snapshot, read_checkpoint
from zscope.training.processes import Processes

LAST, GOOD, EARLIER = "last", "good", "earlier"
"""Folders: where the run can be resumed, the end of its last epoch in line, and that of the one before."""


class WayBack:
    """Keeps good checkpoints, as hard links to those that are written anyway, and finds the one to go back to.

    Parameters
    ----------
    folder : Path
        Folder of the run's checkpoints.
    steps : int
        Steps an epoch.
    processes : Processes
        Who shares the run; the main one writes.
    """

    def __init__(self, folder: Path, steps: int, processes: Processes) -> None:
        self.folder = folder
        self.steps = steps
        self.processes = processes
        self._begin: Snapshot | None = None

    @property
    def begun(self) -> bool:
        """Whether the run has a checkpoint."""
        return (self.folder / LAST).exists()

    def begin(self, taken: Snapshot) -> None:
        """Hold the beginning of a run that has no checkpoint yet in memory."""
        self._begin = taken
        if self.processes.main:
            for name in (GOOD, EARLIER):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def passed(self) -> None:
        """Take note that an epoch in line has ended, and that ``last`` holds it."""
        if self.processes.main:
            self._link(GOOD, EARLIER)
            self._link(LAST, GOOD)
        if (self.folder / EARLIER).exists():
            self._begin = None

    def _link(self, source: str, target: str) -> None:
        if not (self.folder / source).exists():
            return
        with staged_folder(self.folder / target, force=True) as stage:
            for file in (self.folder / source).iterdir():
                try:
                    os.link(file, stage / file.name)
                except OSError:  # a file system without links
                    shutil.copy2(file, stage / file.name)

    def before(self, step: int, prompt: int) -> Snapshot:
        """Find the checkpoint to go back to from a divergence in step `step` of the run.

        A divergence that is seen within `prompt` steps of a checkpoint may have begun before it: then the run goes back
        to the one before.
        """
        good = self._read(GOOD) or self._read(LAST)
        earlier = self._read(EARLIER) or self._begin
        self.processes.told(True)  # all have read before one writes
        if good is not None and (earlier is None or step - self._place(good) > prompt):
            return good
        if earlier is None:
            raise ValueError("before() must come after begin() or a checkpoint")
        if self.processes.main and (self.folder / GOOD).exists():
            shutil.rmtree(self.folder / GOOD)
            if (self.folder / EARLIER).exists():
                (self.folder / EARLIER).rename(self.folder / GOOD)
        return earlier

    def _read(self, name: str) -> Snapshot | None:
        return Snapshot(*read_checkpoint(self.folder / name)) if (self.folder / name).exists() else None

    def _place(self, taken: Snapshot) -> int:
        return int(taken.state["position"]["epoch"] * self.steps + taken.state["position"]["step"])
