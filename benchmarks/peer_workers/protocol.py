"""What a peer in an environment of its own says and hears: one line a request.

The benchmark starts ``python benchmarks/peer_workers/NAME.py '{"shape": …}'``; the peer builds its network, warms up
and prints ``ready``. For every line with a number of repetitions that it then reads it prints the seconds they took.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def setting() -> dict[str, Any]:
    """What the benchmark asks for: shape, z_dim, layers, slope, batch, threads, precision, and train or encode."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    os.environ["OMP_NUM_THREADS"] = str(given["threads"])
    return given


def answer(work: Callable[[int], None], warm: int = 2) -> None:
    """Warm up, and answer until the benchmark closes the pipe."""
    work(warm)
    print("ready", flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        work(int(line))
        print(time.perf_counter() - begun, flush=True)
