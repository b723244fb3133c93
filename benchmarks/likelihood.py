"""The likelihood of a VAE on binary MNIST, against the one that pythae's authors reproduced.

Their recipe (``examples/scripts/reproducibility/vae.py`` of github.com/clementchadebec/benchmark_VAE): one hidden layer
of 400 ReLU on either side, 40 latent dimensions, Adam at 1e-4 in batches of 100, 500 epochs; binary images, of which
50,000 train and 10,000 choose the best epoch; then −log p(x) of the 10,000 test images by 200 importance samples, five
times: 89.78 (0.01) nats, where Rezende & Mohamed 2015 have 89.9.

What differs: their step size falls to 0.63 and 0.40 of its value after 200 and 350 epochs, ours is constant. Their
images are the files of Larochelle & Murray 2011, each pixel drawn once with its grey value as probability; ours are
another draw of that kind from the same images, with another choice of the 10,000. With --peer pythae itself is trained
on our images with our recipe; it lives in an environment of its own: make bench-peers.

    python benchmarks/likelihood.py ../shared/data/mnist [--epochs 500] [--learning-rate 1e-4] [--seed 0] [--peer]
                                    [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent / "peer_workers"))
from worker import PEERS_PYTHON

from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.models import Autoencoder, iwae_bound
from zscope.runs.store import ImageStore
from zscope.study.request import TrainRequest
from zscope.study.train import train

PUBLISHED, PUBLISHED_SPREAD = 89.78, 0.01
SAMPLES, ROUNDS, BATCH = 200, 5, 100
WORKER = Path(__file__).resolve().parent / "peer_workers" / "pythae_likelihood.py"


def binary(mnist: Path, folder: Path) -> tuple[str, ImageStore, np.ndarray]:
    """Store of MNIST's training images, of which a sixth is held out, and the test images; each pixel drawn once."""
    grey = prepare(f"mnist:{mnist}", root=Path("store"), log=unheard)
    rng = np.random.default_rng(0)
    drawn = {
        split: np.where(rng.random(chosen.shape) < chosen / 255, 255, 0).astype(np.uint8)
        for split in ("train", "held-out")
        for chosen in [grey.images[grey.indices(split)]]
    }
    np.save(folder / "binary.npy", drawn["train"])
    source = f"array:{folder / 'binary.npy'}"
    return source, prepare(source, root=folder / "store", held_out=1 / 6, log=unheard), drawn["held-out"]


def negative_log_likelihoods(model: Autoencoder, images: np.ndarray, seed: int) -> np.ndarray:
    """−log p(x) of each image, nats, by importance samples from the posterior."""
    generator = torch.Generator().manual_seed(seed)
    parts = [iwae_bound(model, part, SAMPLES, generator, chunk=4096) for part in np.array_split(images, 100)]
    return -torch.cat(parts).numpy()


def ours(given: argparse.Namespace, source: str, store: ImageStore, test: np.ndarray, folder: Path) -> dict[str, Any]:
    request = TrainRequest.of(
        model="vae",
        network="mlp",
        extra_dense=(400,),
        slope=0.0,
        z_dim=40,
        beta=1.0,
        epochs=given.epochs,
        patience=given.epochs,  # the model of the best epoch
        batch=BATCH,
        learning_rate=given.learning_rate,
        precision="fp32",
        eps_clip=None,
        initialisation="torch",
        seed=given.seed,
        grids_every=0,
    )
    run = train(request, source, store, out=folder / "vae", log=unheard)
    totals = [line["total"] for line in run.metrics() if line["split"] == "held-out"]
    model = Autoencoder.from_pretrained(run.path)
    rounds = [negative_log_likelihoods(model, test, seed) for seed in range(ROUNDS)]
    means = [float(found.mean()) for found in rounds]
    return {
        "best epoch": int(np.argmin(totals)) + 1,
        "held-out total": min(totals),
        "nll": statistics.mean(means),
        "rounds differ by": statistics.pstdev(means),
        "standard error over images": float(np.mean(rounds, axis=0).std(ddof=1) / len(test) ** 0.5),
    }


def theirs(given: argparse.Namespace, store: ImageStore, test: np.ndarray, folder: Path) -> dict[str, float]:
    """pythae's figures of the same images, in one round."""
    splits = {"train": store.images[store.indices("train")], "held_out": store.images[store.indices("held-out")]}
    path = folder / "images.npz"
    bits = {name: (values > 0).reshape(len(values), -1) for name, values in {**splits, "test": test}.items()}
    np.savez(path, **bits)
    asked = {"epochs": given.epochs, "learning_rate": given.learning_rate, "batch": BATCH, "seed": given.seed}
    setting = json.dumps({"images": str(path), "samples": SAMPLES, "rounds": 1, **asked})
    done = subprocess.run([str(given.python), str(WORKER), setting], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pythae failed (make bench-peers installs it): {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {"held-out total": found["held_out"], "nll": statistics.mean(found["rounds"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="store_true", help="train pythae on the same images too")
    parser.add_argument("--python", type=Path, default=PEERS_PYTHON, help="Python of the peers' environment")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source, store, test = binary(given.mnist, Path(name))
        found = {"zscope": ours(given, source, store, test, Path(name))}
        if given.peer:
            found["pythae"] = theirs(given, store, test, Path(name))
    if given.json:
        setting = {"epochs": given.epochs, "learning_rate": given.learning_rate, "seed": given.seed}
        published = {"nll": PUBLISHED, "rounds differ by": PUBLISHED_SPREAD}
        print(json.dumps({"name": "likelihood", "setting": setting, "quality": {**found, "published": published}}))
        return
    mine = found["zscope"]
    print(
        f"zscope, best epoch {mine['best epoch']} of {given.epochs}: held-out total {mine['held-out total']:.2f}, "
        f"-log p(x) {mine['nll']:.2f} nats of {len(test):,} test images by {SAMPLES} samples (rounds differ by "
        f"{mine['rounds differ by']:.3f}, standard error over images {mine['standard error over images']:.2f}); "
        f"published {PUBLISHED} ({PUBLISHED_SPREAD})"
    )
    if given.peer:
        other = found["pythae"]
        print(f"pythae, best epoch: held-out total {other['held-out total']:.2f}, -log p(x) {other['nll']:.2f} nats")


if __name__ == "__main__":
    main()
