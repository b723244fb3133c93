"""Encoding images, zscope against Keras 3 on TensorFlow, in turn.

The network is a VAE of a preset; both encode images from memory into means and log-variances, after a warm-up.
zscope encodes as `zscope encode` does: float32 by default, and with ``--precision bf16`` a trunk in bfloat16 whose code
error is printed. Peers live in an environment of their own: make bench-peers.

    python benchmarks/encode.py [--preset mnist --preset celeba] [--rounds 5] [--threads 2] [--json]

With --profile nothing is compared: the operators in which zscope's encoding spends its time are printed.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent / "peer_workers"))
from worker import PEERS_PYTHON, Worker, setting

from zscope.models import PRESETS, Autoencoder, ModelConfig
from zscope.models.heap import kept_heap
from zscope.training.encoding import bf16_error

PAIRS = (("fp32", "Keras fp32"), ("bf16", "Keras bf16"))


def encoder(config: ModelConfig, images: torch.Tensor, precision: str) -> Any:
    model = Autoencoder(config).to(memory_format=torch.channels_last).eval()

    def seconds(times: int) -> float:
        with kept_heap(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            model.encode(images)
            begun = time.perf_counter()
            for _ in range(times):
                posterior = model.encode(images)
                posterior.mean.numpy(), posterior.logvar.numpy()
            return (time.perf_counter() - begun) / times

    seconds(1)
    return seconds, bf16_error(model, images[:64]) if precision == "bf16" else 0.0


def given_to(preset: str, batch: int) -> tuple[ModelConfig, torch.Tensor]:
    chosen = PRESETS[preset]
    config = ModelConfig(kind="vae", shape=chosen.shape, z_dim=chosen.z_dim, **chosen.network)
    torch.manual_seed(0)
    images = torch.rand(batch, config.channels, *config.shape[:2])
    return config, images.contiguous(memory_format=torch.channels_last)


def measure(preset: str, rounds: int, times: int, batch: int, python: Path) -> dict[str, Any]:
    config, images = given_to(preset, batch)
    ratios, speeds, errors = {}, {}, {}
    for precision, peer in PAIRS:
        ours, errors[precision] = encoder(config, images, precision)
        with Worker(peer, setting(config, batch, torch.get_num_threads(), "encode"), python) as theirs:
            pairs = [(ours(times), theirs.seconds(times)) for _ in range(rounds)]
        ratios[peer] = statistics.median(mine / other for mine, other in pairs)
        speeds[f"zscope {precision}"] = batch / statistics.median(mine for mine, _ in pairs)
        speeds[peer] = batch / statistics.median(other for _, other in pairs)
    return {
        "name": "encode",
        "setting": {"preset": preset, "batch": batch, "threads": torch.get_num_threads()},
        "rounds": rounds,
        "ratio": ratios,
        "images_per_second": speeds,
        "quality": {"largest difference of a code with a bf16 trunk": errors["bf16"]},
    }


def profiled(preset: str, batch: int) -> None:
    """Print the operators that take most of the time, and the share of each."""
    config, images = given_to(preset, batch)
    for precision, _ in PAIRS:
        seconds, _ = encoder(config, images, precision)
        with profile(activities=[ProfilerActivity.CPU]) as found:
            seconds(4)
        spent = sorted(found.key_averages(), key=lambda entry: -entry.self_cpu_time_total)
        total = sum(entry.self_cpu_time_total for entry in spent)
        shares = ", ".join(f"{entry.key} {entry.self_cpu_time_total / total:.0%}" for entry in spent[:5])
        print(f"{preset}, {precision}: {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", action="append", choices=sorted(PRESETS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=4, help="batches a round")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--python", type=Path, default=PEERS_PYTHON, help="Python of the peers' environment")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    for preset in given.preset or ["mnist", "celeba"]:
        if given.profile:
            profiled(preset, given.batch)
            continue
        result = measure(preset, given.rounds, given.times, given.batch, given.python)
        if given.json:
            print(json.dumps(result))
            continue
        speeds = ", ".join(f"{name} {speed:,.0f}" for name, speed in result["images_per_second"].items())
        ratios = ", ".join(f"{ratio:.2f} of {peer}'s" for peer, ratio in result["ratio"].items())
        error = result["quality"]["largest difference of a code with a bf16 trunk"]
        print(f"{preset}: images/s: {speeds}")
        print(f"  zscope's time is {ratios}; a trunk in bfloat16 changes codes by {error:.3f} at most")


if __name__ == "__main__":
    main()
