"""Reading a prepared store against the training step that its images feed, in processor time and in turn.

A store of random images is written for each preset. One epoch's order is walked twice: once only reading its batches as
tensors, once also taking the training step, of which reading is a part.

    python benchmarks/data_path.py [--preset mnist --preset celeba] [--rounds 5] [--steps 3] [--json]
"""

import argparse
import json
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.models import PRESETS, Autoencoder, ModelConfig
from zscope.models.heap import kept_heap
from zscope.runs.store import ImageStore
from zscope.training.batches import Batches
from zscope.training.config import TrainingConfig
from zscope.training.devices import accelerator, resolve_device, resolve_precision
from zscope.training.recipe import optimiser_for
from zscope.training.steps import Stepper


def made_store(preset: str, images: int, folder: Path) -> ImageStore:
    shape = PRESETS[preset].shape
    pixels = np.random.default_rng(0).integers(0, 256, (images, *shape), dtype=np.uint8)
    np.save(folder / f"{preset}.npy", pixels)
    return prepare(f"array:{folder / f'{preset}.npy'}", root=folder / "stores", log=unheard)


def measure(preset: str, rounds: int, steps: int, folder: Path) -> dict[str, object]:
    chosen = PRESETS[preset]
    batch = chosen.training["batch"]
    store = made_store(preset, 8 * batch, folder)
    device = resolve_device("cpu")
    precision = resolve_precision("auto", device)
    torch.manual_seed(0)
    model = Autoencoder(ModelConfig(kind="vae", beta=1.0, shape=chosen.shape, z_dim=chosen.z_dim, **chosen.network))
    config = TrainingConfig(batch=batch)
    stepper = Stepper(accelerator(device, precision), model, optimiser_for(model, config, device), device, watched=True)
    batches = Batches(store, store.indices("train")[: steps * batch], batch, 0)

    def reading(epoch: int) -> float:
        begun = time.process_time()
        for rows in islice(batches.steps(epoch), steps):
            for _ in batches.parts(rows, device):
                pass
        return (time.process_time() - begun) / steps

    def training(epoch: int) -> float:
        begun = time.process_time()
        for rows in islice(batches.steps(epoch), steps):
            stepper.take(batches, rows, None, look=True)
        return (time.process_time() - begun) / steps

    with kept_heap():  # as the trainer does
        reading(0), training(0)
        pairs = [(reading(epoch), training(epoch)) for epoch in range(1, rounds + 1)]
    stepper.close()
    read, step = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "name": "data_path",
        "setting": {"preset": preset, "batch": batch, "precision": precision, "threads": torch.get_num_threads()},
        "rounds": rounds,
        "ratio": {"training step": statistics.median(first / second for first, second in pairs)},
        "milliseconds": {"reading": 1000 * read, "training step": 1000 * step},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", action="append", choices=sorted(PRESETS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="steps a round")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for preset in arguments.preset or ["mnist", "celeba"]:
        with tempfile.TemporaryDirectory() as folder:
            result = measure(preset, arguments.rounds, arguments.steps, Path(folder))
        if arguments.json:
            print(json.dumps(result))
            continue
        times, setting = result["milliseconds"], result["setting"]
        print(
            f"{preset}: reading {times['reading']:.2f} ms, step {times['training step']:.0f} ms of processor time "
            f"({setting['precision']}); ratio {100 * result['ratio']['training step']:.2f} % "
            f"(median of {arguments.rounds} rounds in turn, {setting['threads']} threads)"
        )


if __name__ == "__main__":
    main()
