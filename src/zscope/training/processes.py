"""Several processes that train one run together, as a launcher started them; alone by default.

``torchrun`` and ``accelerate launch`` start one program several times and tell each its number in the environment. Each
process then takes its part of every batch, and only the main one writes.
"""

import atexit
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from zscope.runs.run import Run
from zscope.typing import Json

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Who shares the work.

    Attributes
    ----------
    count, index : int
        How many processes there are, and which of them this one is.
    """

    count: int = 1
    index: int = 0

    @property
    def main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.index == 0

    def share(self, start: int, stop: int) -> tuple[int, int]:
        """Give this process's part of a range: consecutive, none left out, none twice, sizes differing by one at most.

        Examples
        --------
        >>> [Processes(3, index).share(0, 10) for index in range(3)]
        [(0, 3), (3, 6), (6, 10)]
        """
        size = stop - start
        return start + size * self.index // self.count, start + size * (self.index + 1) // self.count

    def summed(self, figures: list[float], device: torch.device) -> list[float]:
        """Add figures up over the processes; each gets the sums."""
        if self.count == 1:
            return figures
        tensor = torch.tensor(figures, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(tensor)
        return [float(value) for value in tensor]

    def told(self, value: T | None) -> T:
        """Give every process what the main one holds, and let none go on before all are here."""
        if self.count == 1:
            return value  # type: ignore[return-value]
        held: list[Any] = [value]
        broadcast_object_list(held, from_process=0)
        return held[0]  # type: ignore[no-any-return]


ALONE = Processes()
"""One process, which does everything."""


def launched(device: torch.device) -> Processes:
    """Find out from the environment who shares the work, and meet the others.

    Parameters
    ----------
    device : torch.device
        Where to train: on ``cuda`` each process takes a GPU of its own, on ``cpu`` they talk by gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    state = PartialState(cpu=device.type == "cpu")
    atexit.unregister(_leave)
    atexit.register(_leave)
    return Processes(state.num_processes, state.process_index)


def _leave() -> None:
    """Leave gloo's threads the interpreter for a moment before it ends.

    They need its lock to let go of the last tensors, and abort the program where they get it as the interpreter ends;
    its group cannot be waited for, since accelerate holds it.
    """
    time.sleep(0.1)


def launched_alone() -> bool:
    """Whether ``accelerate launch --cpu`` was asked for several processes, of which it starts one only."""
    environment = os.environ
    return "WORLD_SIZE" not in environment and {"ACCELERATE_USE_CPU", "MASTER_ADDR"} <= environment.keys()


class FollowedRun(Run):
    """The run folder as the processes other than the main one see it: what they would write is only remembered."""

    def save(self, **changes: Json) -> None:
        """Change entries of the manifest, not of ``run.json``."""
        self.manifest.update(changes)

    def append_metrics(self, record: Mapping[str, Json]) -> None:
        """Leave ``metrics.jsonl`` to the main process."""

    def truncate_metrics(self, lines: int) -> None:
        """Leave ``metrics.jsonl`` to the main process."""
