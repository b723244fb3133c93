"""The checkpoints that a diverging run can go back to: the ends of its last two epochs in line, or its beginning."""

import os
import shutil
from pathlib import Path

from zscope.runs.formats import staged_folder
from zscope.training.checkpoints import Snapshot, read_checkpoint
from zscope.training.processes import Processes

LAST, GOOD, EARLIER, BEST = "last", "good", "earlier", "best"
"""Folders: where the run can be resumed, the end of its last epoch in line, that of the one before, and the best epoch.

Within the second and the third, a folder of the last name holds what was the best epoch then.
"""

BEGINNING = "the beginning"


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
            if (self.folder / GOOD).exists():
                self._link(GOOD, EARLIER, best=f"{GOOD}/{BEST}")
            self._link(LAST, GOOD, best=BEST)
        if (self.folder / EARLIER).exists():
            self._begin = None

    def _link(self, source: str, target: str, best: str | None = None) -> None:
        """Link the files of a folder into another one in its place, and those of the best epoch into it."""
        with staged_folder(self.folder / target, force=True) as stage:
            _link_files(self.folder / source, stage)
            if best is not None and (self.folder / best).exists():
                (stage / BEST).mkdir()
                _link_files(self.folder / best, stage / BEST)

    def before(self, step: int, prompt: int) -> Snapshot:
        """Find the checkpoint to go back to from a divergence in step `step` of the run.

        A divergence that is seen within `prompt` steps of a checkpoint may have begun before it: then the run goes back
        to the one before. The best epoch is again what it was there. The main process chooses, and the others follow.
        """
        name = self.processes.told(self._chosen(step, prompt) if self.processes.main else None)
        taken = self._begin if name == BEGINNING else Snapshot(*read_checkpoint(self.folder / name))
        if taken is None:
            raise ValueError("before() must come after begin() or a checkpoint")
        self.processes.told(True)  # all have read before one writes
        if self.processes.main:
            self._forget_after(name)
        return taken

    def _chosen(self, step: int, prompt: int) -> str:
        """Name the checkpoint to go back to."""
        good = next((name for name in (GOOD, LAST) if (self.folder / name).exists()), None)
        earlier = EARLIER if (self.folder / EARLIER).exists() else None if self._begin is None else BEGINNING
        if good is not None and (earlier is None or step - self._place(good) > prompt):
            return good
        return earlier or BEGINNING

    def _forget_after(self, name: str) -> None:
        """Drop the good checkpoints after the one of a name, and let the best epoch be what it was there."""
        if name == BEGINNING:
            shutil.rmtree(self.folder / BEST, ignore_errors=True)
        elif (self.folder / name / BEST).exists():
            self._link(f"{name}/{BEST}", BEST)
        if name in (EARLIER, BEGINNING) and (self.folder / GOOD).exists():
            shutil.rmtree(self.folder / GOOD)
            if (self.folder / EARLIER).exists():
                (self.folder / EARLIER).rename(self.folder / GOOD)

    def _place(self, name: str) -> int:
        _, state = read_checkpoint(self.folder / name)
        return int(state["position"]["epoch"] * self.steps + state["position"]["step"])


def _link_files(source: Path, target: Path) -> None:
    for file in source.iterdir():
        if file.is_file():
            try:
                os.link(file, target / file.name)
            except OSError:  # a file system without links
                shutil.copy2(file, target / file.name)
