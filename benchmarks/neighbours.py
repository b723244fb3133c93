"""Exact neighbours of all points, zscope against its peers, in turn.

The cloud is a correlated Gaussian with a few dominant axes and mild clusters. Every peer gets the same array and gives
the 91 nearest other points of each (what t-SNE asks for at perplexity 30).

    python benchmarks/neighbours.py [--points 40000] [--dimension 256] [--k 91] [--rounds 3] [--threads 2] [--json]
                                    [--peer "faiss flat" …]

What a peer finds is compared with distances in double precision for 200 queries: the largest relative error of a
distance, and the share of neighbours that are the true ones.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

Search = Callable[[], tuple[np.ndarray, np.ndarray]]


def cloud(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    scales = np.exp(0.4 * rng.standard_normal(d))
    scales[:4] *= 4
    mixing = np.eye(d) + 0.3 * rng.standard_normal((d, d)) / np.sqrt(d)
    centres = 0.5 * rng.standard_normal((20, d))
    points = (rng.standard_normal((n, d)) + centres[rng.integers(20, size=n)]) * scales
    return np.ascontiguousarray(points @ mixing, dtype=np.float32)


def zscope_search(points: np.ndarray, k: int) -> Search:
    from zscope.measures.neighbours import nearest_neighbours

    def search() -> tuple[np.ndarray, np.ndarray]:
        found = nearest_neighbours(points, k)
        return found.distances, found.indices

    return search


def intelex_search(points: np.ndarray, k: int) -> Search:
    from sklearnex.neighbors import NearestNeighbors

    return lambda: NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()


def sklearn_search(points: np.ndarray, k: int) -> Search:
    from sklearn.neighbors import NearestNeighbors

    return lambda: NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()


def faiss_search(points: np.ndarray, k: int) -> Search:
    import faiss

    def search() -> tuple[np.ndarray, np.ndarray]:
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        squares, found = index.search(points, k + 1)
        own = found == np.arange(len(points))[:, None]
        own[~own.any(axis=1), -1] = True
        shape = (len(points), k)
        return np.sqrt(np.maximum(squares[~own], 0)).reshape(shape), found[~own].reshape(shape)

    return search


PEERS = {
    "scikit-learn-intelex brute": intelex_search,
    "faiss flat": faiss_search,
    "scikit-learn brute": sklearn_search,
}
MODULES = {"scikit-learn-intelex brute": "sklearnex", "faiss flat": "faiss", "scikit-learn brute": "sklearn"}


def installed(name: str) -> bool:
    return importlib.util.find_spec(MODULES[name]) is not None


def seconds(search: Search) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    begun = time.perf_counter()
    found = search()
    return time.perf_counter() - begun, found


def quality(points: np.ndarray, found: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    distances, indices = found
    k = distances.shape[1]
    rows = np.random.default_rng(1).choice(len(points), 200, replace=False)
    right, error = 0, 0.0
    for row in rows:
        apart = np.linalg.norm(points.astype(np.float64) - points[row], axis=1)
        apart[row] = np.inf
        true = np.argsort(apart)[:k]
        right += len(np.intersect1d(true, indices[row]))
        error = max(error, float(np.max(np.abs(distances[row] / apart[true] - 1))))
    return {"true neighbours": right / (len(rows) * k), "largest relative error": error}


def measure(points: np.ndarray, k: int, rounds: int, names: list[str]) -> dict[str, object]:
    searches = {"zscope": zscope_search(points, k), **{name: PEERS[name](points, k) for name in names}}
    times: dict[str, list[float]] = {name: [] for name in searches}
    found: dict[str, dict[str, float]] = {}
    for turn in range(rounds):
        for name, search in searches.items():
            took, result = seconds(search)
            times[name].append(took)
            if turn == 0:
                found[name] = quality(points, result)
    return {
        "name": "neighbours",
        "setting": {
            "points": len(points),
            "dimension": points.shape[1],
            "k": k,
            "threads": int(os.environ["OMP_NUM_THREADS"]),
            "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        },
        "rounds": rounds,
        "ratio": {
            name: statistics.median(a / b for a, b in zip(times["zscope"], times[name], strict=True)) for name in names
        },
        "seconds": {name: statistics.median(taken) for name, taken in times.items()},
        "quality": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--k", type=int, default=91)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peer", action="append", choices=sorted(PEERS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != str(arguments.threads):
        # Read by every library when it is loaded, so that all of them get the same number.
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    points = cloud(arguments.points, arguments.dimension)
    names = arguments.peer or [name for name in PEERS if installed(name)]
    for name in (one for one in (arguments.peer or PEERS) if not installed(one)):
        sys.exit(f"{name} is not installed") if arguments.peer else print(f"{name} is left out: it is not installed")
    result = measure(points, arguments.k, arguments.rounds, names)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{arguments.points:,} × {arguments.dimension}, k = {arguments.k}, {arguments.threads} threads:")
    for name, took in result["seconds"].items():
        ratio = f"{result['ratio'][name]:.2f}" if name in result["ratio"] else "–"
        found = result["quality"][name]
        print(
            f"  {name:28s} {took:7.2f} s, zscope / peer {ratio:>5s}, true neighbours {found['true neighbours']:.6f}, "
            f"largest relative error {found['largest relative error']:.0e}"
        )


if __name__ == "__main__":
    main()
