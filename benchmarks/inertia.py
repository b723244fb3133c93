"""The inertia curve of k-means: zscope against scikit-learn's MiniBatchKMeans, in turn.

Both give the mean squared distance of all points to the nearest of k centres, for k = 2, 4, … The peer is what one
would write without zscope: one `MiniBatchKMeans(k, batch_size=1024, n_init=3)` a k. A ratio of inertias of 1 or less
means that zscope's centres hold the points at least as tightly.

    python benchmarks/inertia.py [--points 170000] [--dimensions 256] [--most 80] [--rounds 1] [--threads 1] [--json]
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

PEER = "MiniBatchKMeans"


def cloud(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Correlated Gaussian axes, a few of them dominant, with 12 mild clusters."""
    scales = np.linspace(1.6, 0.4, d)
    scales[:4] = np.array([4.0, 3.0, 2.5, 2.0])[:d]
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    centres = 0.6 * scales * rng.standard_normal((12, d))
    points = (scales * rng.standard_normal((n, d)) + centres[rng.integers(12, size=n)]) @ (np.eye(d) + rotation)
    return points.astype(np.float32)


def ours(points: np.ndarray, numbers: list[int]) -> np.ndarray:
    from zscope.measures.inertia import inertia_curve

    return inertia_curve(points, numbers, np.random.default_rng(0))


def theirs(points: np.ndarray, numbers: list[int]) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    centred = points - points.mean(axis=0)
    return np.array(
        [MiniBatchKMeans(k, batch_size=1024, n_init=3, random_state=0).fit(centred).inertia_ for k in numbers]
    ) / len(points)


def timed(curve: Callable[[np.ndarray, list[int]], np.ndarray], points: np.ndarray, numbers: list[int]) -> tuple:
    begun = time.perf_counter(), time.process_time()
    found = curve(points, numbers)
    return found, time.perf_counter() - begun[0], time.process_time() - begun[1]


def measure(n: int, d: int, most: int, rounds: int) -> dict[str, object]:
    points, numbers = cloud(n, d, np.random.default_rng(1)), list(range(2, most + 1, 2))
    warm = points[: min(n, 2000)]
    ours(warm, [2]), theirs(warm, [2])
    runs = [(timed(ours, points, numbers), timed(theirs, points, numbers)) for _ in range(rounds)]
    mine, other = runs[0]
    ratios = mine[0] / other[0]
    seconds = [statistics.median(pair[side][1] for pair in runs) for side in (0, 1)]
    busy = [statistics.median(pair[side][2] for pair in runs) for side in (0, 1)]
    worst = int(ratios.argmax())
    return {
        "name": "inertia",
        "setting": {"points": n, "dimensions": d, "most": most, "threads": os.environ.get("OMP_NUM_THREADS", "all")},
        "rounds": rounds,
        "ratio": {PEER: statistics.median(a[1] / b[1] for a, b in runs)},
        "seconds": {"zscope": seconds[0], PEER: seconds[1]},
        "processor seconds": {"zscope": busy[0], PEER: busy[1]},
        "quality": {
            "inertia over that of the peer, mean": float(ratios.mean()),
            "inertia over that of the peer, worst": float(ratios[worst]),
            "worst at k": numbers[worst],
            "inertia": {str(k): [float(a), float(b)] for k, a, b in zip(numbers, mine[0], other[0], strict=True)},
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=170_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--most", type=int, default=80, help="largest number of centres")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads and os.environ.get("OMP_NUM_THREADS") != str(arguments.threads):
        # The libraries read it when they are loaded.
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    result = measure(arguments.points, arguments.dimensions, arguments.most, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    seconds, busy, quality = result["seconds"], result["processor seconds"], result["quality"]
    print(
        f"{arguments.points:,} points in {arguments.dimensions} dimensions, k = 2, 4, … {arguments.most}: "
        f"zscope {seconds['zscope']:.1f} s, {PEER} {seconds[PEER]:.1f} s; ratio {result['ratio'][PEER]:.2f} "
        f"(processor time {busy['zscope'] / busy[PEER]:.2f}); inertia over that of the peer: mean "
        f"{quality['inertia over that of the peer, mean']:.4f}, worst "
        f"{quality['inertia over that of the peer, worst']:.4f} at k = {quality['worst at k']}"
    )


if __name__ == "__main__":
    main()
