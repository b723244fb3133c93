"""The whole of `zscope measure` on a large cloud: seconds and memory.

No peer does the same. The cloud has a few wide axes and mild clusters; it is written to a temporary folder and
measured by the command, in a process of its own, as a user would.

    python benchmarks/battery.py [--points 170000] [--dimension 256] [--draws 99] [--threads 2] [--json]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def cloud(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    scales = np.ones(d, np.float32)
    wide = min(12, d)
    scales[:wide] = np.linspace(5, 2, wide)
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    centres = (0.3 * rng.standard_normal((20, d))).astype(np.float32)
    points = rng.standard_normal((n, d), dtype=np.float32) * scales
    points += centres[rng.integers(20, size=n)]
    return points @ rotation.astype(np.float32)


def measure(n: int, d: int, draws: int, threads: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "codes.npy"
        np.save(file, cloud(n, d))
        command = [sys.executable, "-m", "zscope.cli.main", "measure", str(file), "--draws", str(draws), "--no-report"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "name": "battery",
        "setting": {"points": n, "dimension": d, "draws": draws, "threads": threads},
        "rounds": 1,
        "ratio": {},
        "quality": {
            "seconds": seconds,
            "processor seconds": used.ru_utime + used.ru_stime,
            "peak memory, GiB": used.ru_maxrss / 2**20,
            "verdicts": done.stdout.splitlines(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=170_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--draws", type=int, default=99)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.points, given.dimension, given.draws, given.threads)
    if given.json:
        print(json.dumps(found))
        return
    quality = found["quality"]
    print("\n".join(quality["verdicts"]))
    print(
        f"{given.points:,} codes in {given.dimension} dimensions, {given.draws} draws, {given.threads} threads: "
        f"{quality['seconds']:.0f} s, {quality['processor seconds']:.0f} s of processor time, "
        f"at most {quality['peak memory, GiB']:.2f} GiB"
    )


if __name__ == "__main__":
    main()
