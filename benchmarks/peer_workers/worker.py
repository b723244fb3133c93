"""The benchmark's side of `protocol`: a peer in another environment that is timed by asking it."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE.parents[1] / ".venv-peers" / "bin" / "python"

PEERS = {
    "pythae": ("pythae_trainer.py", "fp32"),
    "Keras fp32": ("keras_network.py", "fp32"),
    "Keras bf16": ("keras_network.py", "bf16"),
}


def setting(config: Any, batch: int, threads: int, work: str) -> dict[str, Any]:
    """What a peer needs to know of a model's configuration to build its network; work is ``train`` or ``encode``."""
    return {
        "shape": config.shape,
        "z_dim": config.z_dim,
        "layers": [(layer.filters, layer.stride) for layer in config.layers],
        "slope": config.slope,
        "batch": batch,
        "threads": threads,
        "work": work,
    }


class Worker:
    """A peer that runs, and waits between the rounds."""

    def __init__(self, name: str, setting: dict[str, Any], python: Path = PEERS_PYTHON) -> None:
        script, precision = PEERS[name]
        command = [str(python), str(HERE / script), json.dumps({**setting, "precision": precision})]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self._line() != "ready":
            raise SystemExit(f"{name} did not start: make bench-peers installs it; {' '.join(command)}")

    def seconds(self, times: int) -> float:
        """Seconds that so many repetitions take, each."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        return float(self._line()) / times

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
