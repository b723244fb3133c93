"""A t-SNE map with its neighbours, zscope against its peers, in turn.

The cloud is a correlated Gaussian with a few dominant axes and mild clusters. Everyone gets the same array and makes a
map with early exaggeration 12, perplexity 30 and 1,000 steps, the first 250 with exaggeration: zscope on exact
neighbours, openTSNE with the neighbours and all else that it chooses by itself, scikit-learn-intelex likewise.

    python benchmarks/tsne.py [--points 20000] [--dimension 256] [--rounds 3] [--threads 2] [--json] [--peer openTSNE …]

With 165,000 points a round takes about ten minutes on two cores:

    python benchmarks/tsne.py --points 165000 --rounds 1 --peer openTSNE

The divergence of all maps is computed the same way, on affinities from exact neighbours: over all pairs up to 20,000
points, beyond that with the normaliser from a random choice of points (uncertain by about 0.01 nats).
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

Map = Callable[[], np.ndarray]


def cloud(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    scales = np.exp(0.4 * rng.standard_normal(d))
    scales[:4] *= 4
    mixing = np.eye(d) + 0.3 * rng.standard_normal((d, d)) / np.sqrt(d)
    centres = 0.5 * rng.standard_normal((20, d))
    points = (rng.standard_normal((n, d)) + centres[rng.integers(20, size=n)]) * scales
    return np.ascontiguousarray(points @ mixing, dtype=np.float32)


def zscope_map(points: np.ndarray, threads: int) -> Map:  # noqa: ARG001 - it takes as many as matrix products do
    from zscope.measures.tsne import SETTINGS, tsne_map

    return lambda: tsne_map(points, SETTINGS[0], 0).coordinates


def opentsne_map(points: np.ndarray, threads: int) -> Map:
    from openTSNE import TSNE

    return lambda: np.asarray(
        TSNE(perplexity=30, early_exaggeration=12, n_iter=750, n_jobs=threads, random_state=0).fit(points)
    )


def intelex_map(points: np.ndarray, threads: int) -> Map:  # noqa: ARG001 - it takes as many as there are
    from sklearnex.manifold import TSNE

    return lambda: TSNE(perplexity=30, early_exaggeration=12, max_iter=1000, random_state=0).fit_transform(points)


PEERS = {"openTSNE": opentsne_map, "scikit-learn-intelex": intelex_map}


def affinities(points: np.ndarray, threads: int) -> object:
    from openTSNE.affinity import PerplexityBasedNN

    from zscope.measures.map_engine import graph_of

    return PerplexityBasedNN(perplexity=30, knn_index=graph_of(points, 90, None), n_jobs=threads).P


def measure(points: np.ndarray, rounds: int, threads: int, names: list[str]) -> dict[str, object]:
    from zscope.measures.map_engine import map_divergence

    maps = {"zscope": zscope_map(points, threads), **{name: PEERS[name](points, threads) for name in names}}
    held = affinities(points, threads)
    times: dict[str, list[float]] = {name: [] for name in maps}
    divergences: dict[str, float] = {}
    for _ in range(rounds):
        for name, make in maps.items():
            begun = time.perf_counter()
            places = make()
            times[name].append(time.perf_counter() - begun)
            divergences[name] = map_divergence(held, places)
    return {
        "name": "tsne",
        "setting": {"points": len(points), "dimension": points.shape[1], "threads": threads},
        "rounds": rounds,
        "ratio": {
            name: statistics.median(a / b for a, b in zip(times["zscope"], times[name], strict=True)) for name in names
        },
        "seconds": {name: statistics.median(took) for name, took in times.items()},
        "quality": {
            "divergence": divergences,
            "divergence ratio": {name: divergences["zscope"] / divergences[name] for name in names},
        },
    }


def print_table(result: dict[str, object]) -> None:
    setting, quality = result["setting"], result["quality"]
    print(f"{setting['points']:,} × {setting['dimension']}, {setting['threads']} threads, {result['rounds']} rounds")
    print(f"{'':24}{'seconds':>10}{'ratio':>8}{'divergence':>14}{'ratio':>8}")
    for name, took in result["seconds"].items():
        line = f"{name:24}{took:10.1f}{result['ratio'].get(name, 1):8.2f}{quality['divergence'][name]:14.4f}"
        print(f"{line}{quality['divergence ratio'].get(name, 1):8.3f}")
    print("ratio: zscope's over the peer's, under 1 is better")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, action="append")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peer", action="append", choices=sorted(PEERS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != str(arguments.threads):
        # Read by every library when it is loaded, so that all of them get the same number.
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    for n in arguments.points or [20_000]:
        points = cloud(n, arguments.dimension)
        result = measure(points, arguments.rounds, arguments.threads, arguments.peer or list(PEERS))
        if arguments.json:
            print(json.dumps(result))
        else:
            print_table(result)


if __name__ == "__main__":
    main()
