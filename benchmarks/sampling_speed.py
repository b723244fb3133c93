"""How long samplers take: fitting, drawing and decoding 10,000 MNIST-size images, on made codes.

    python benchmarks/sampling_speed.py [--codes 60000] [--images 10000] [--sampler mixture …] [--rounds 1] [--json]

Codes are 16-dimensional: a mixture of ten Gaussians. The decoder is that of the S1 network at 28 × 28, whose weights do
not matter for its speed. The targets are 5 s for drawing and decoding (two cores), and 20 s for fitting `mixture` to
60,000 codes.
"""

import argparse
import json
import os
import statistics
import time

import numpy as np

DIMENSIONS = 16


def made_codes(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((10, DIMENSIONS))
    mixing = rng.standard_normal((10, DIMENSIONS, DIMENSIONS)) / 3
    members = rng.integers(10, size=n)
    noise = rng.standard_normal((n, DIMENSIONS))
    return (centres[members] + np.einsum("nij,nj->ni", mixing[members], noise)).astype(np.float32)


def measure(name: str, codes: np.ndarray, n: int, rounds: int) -> dict[str, object]:
    from zscope.clouds import cloud
    from zscope.models import PRESETS, Autoencoder, ModelConfig

    preset = PRESETS["mnist"]
    config = {**preset.network, "kind": "ae", "shape": preset.shape, "z_dim": DIMENSIONS}
    model = Autoencoder(ModelConfig.model_validate(config))
    model.decode_all(codes[:512])
    times: dict[str, list[float]] = {"fit": [], "draw": [], "decode": []}
    busy = []
    for turn in range(rounds):
        began = time.perf_counter()
        item = cloud(name).fit(codes, np.full_like(codes, -3.0))
        fitted = time.perf_counter()
        busied = time.process_time()
        drawn = item.draw(n, np.random.default_rng(turn))
        done = time.perf_counter()
        model.decode_all(drawn)
        times["decode"].append(time.perf_counter() - done)
        busy.append(time.process_time() - busied)
        times["draw"].append(done - fitted)
        times["fit"].append(fitted - began)
    seconds = {part: statistics.median(taken) for part, taken in times.items()}
    return {
        "name": "sampling speed",
        "setting": {
            "sampler": name,
            "codes": len(codes),
            "dimensions": DIMENSIONS,
            "images": n,
            "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        },
        "rounds": rounds,
        "ratio": {},
        "seconds": {**seconds, "draw and decode": seconds["draw"] + seconds["decode"]},
        "processor seconds": {"draw and decode": statistics.median(busy)},
        "quality": {},
    }


def main() -> None:
    from zscope.generation.ladder import LADDER

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", type=int, default=60_000)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--sampler", action="append")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    codes = made_codes(arguments.codes)
    for name in arguments.sampler or LADDER:
        result = measure(name, codes, arguments.images, arguments.rounds)
        if arguments.json:
            print(json.dumps(result), flush=True)
            continue
        seconds = result["seconds"]
        print(
            f"{name:16s} fitted in {seconds['fit']:7.2f} s, {arguments.images:,} drawn in {seconds['draw']:6.3f} s and "
            f"decoded in {seconds['decode']:6.2f} s (processor time of both "
            f"{result['processor seconds']['draw and decode']:.2f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
