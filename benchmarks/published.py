"""A β-VAE of MNIST trained as the authors of disentangling-vae did, against the losses that they published.

Their network (Burgess et al. 2018): 32 × 32 grey images, three convolutions of 32 filters, kernel 4, stride 2, two
dense layers of 256, ten latent dimensions, ReLU; the decoder mirrored. Adam at 5e-4, batches of 64, all 60,000 training
images, resized bilinearly; binary cross-entropy plus β times KL, whose weight rises linearly over the first 10,000
steps. Published: means of training losses of each epoch (every 50th step) in ``results/VAE_mnist/train_losses.log`` and
``results/betaH_mnist/train_losses.log`` of github.com/YannDubs/disentangling-vae, one run each. Ours: the same means
over all steps of an epoch. The network is passed to zscope as modules of one's own.

    python benchmarks/published.py ../shared/data/mnist [--epochs 20] [--beta 1 --beta 4] [--seed 0] [--json]
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.runs.store import ImageStore
from zscope.study.request import TrainRequest
from zscope.study.train import train

PUBLISHED = {  # β: (reconstruction, KL) of epochs 13 to 20, the first whose weight is the full one
    1.0: (
        (128.46, 127.59, 128.12, 128.49, 127.73, 125.06, 127.68, 126.72),
        (19.36, 19.47, 19.50, 19.58, 19.47, 19.32, 19.35, 19.58),
    ),
    4.0: (
        (149.43, 148.52, 149.11, 149.60, 147.77, 146.36, 147.84, 147.85),
        (10.50, 10.53, 10.54, 10.59, 10.50, 10.32, 10.52, 10.47),
    ),
}
FIRST, STEPS_A_EPOCH, RISE = 13, 938, 10_000


def encoder() -> nn.Module:
    layers: list[nn.Module] = []
    for channels in (1, 32, 32):
        layers += [nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU()]
    layers.append(nn.Flatten())
    for inputs in (512, 256):
        layers += [nn.Linear(inputs, 256), nn.ReLU()]
    return nn.Sequential(*layers)


def decoder() -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in ((10, 256), (256, 256), (256, 512)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers.append(nn.Unflatten(1, (32, 4, 4)))
    for filters in (32, 32, 1):
        layers += [nn.ConvTranspose2d(32, filters, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def images(mnist: Path, folder: Path) -> ImageStore:
    """MNIST's training images at 32 × 32."""
    small = prepare(f"mnist:{mnist}", root=Path("store"), log=unheard)
    chosen = small.images[small.indices("train")][..., 0]
    large = [np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR)) for image in chosen]
    np.save(folder / "mnist32.npy", np.stack(large)[..., None])
    return prepare(f"array:{folder / 'mnist32.npy'}", root=folder / "store", held_out=0, log=unheard)


def trained(store: ImageStore, beta: float, epochs: int, seed: int, folder: Path) -> list[tuple[float, float]]:
    """Reconstruction and KL of every epoch's training images, as they were before each step."""
    request = TrainRequest.of(
        model="vae",
        z_dim=10,
        beta=beta,
        kl_schedule={"name": "linear", "epochs": RISE / STEPS_A_EPOCH},
        epochs=epochs,
        batch=64,
        learning_rate=5e-4,
        eps_clip=None,
        initialisation="torch",
        seed=seed,
        grids_every=0,
    )
    torch.manual_seed(seed)
    own = {"encoder": encoder(), "decoder": decoder()}
    run = train(request, f"array:{folder / 'mnist32.npy'}", store, out=folder / f"beta{beta:g}", log=unheard, **own)
    return [(line["reconstruction"], line["kl"]) for line in run.metrics() if line["split"] == "train"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--beta", type=float, action="append", choices=sorted(PUBLISHED))
    parser.add_argument("--epochs", type=int, default=20, choices=range(FIRST, 21), metavar="13 to 20")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        store = images(given.mnist, Path(name))
        for beta in given.beta or sorted(PUBLISHED):
            ours = list(zip(*trained(store, beta, given.epochs, given.seed, Path(name))[FIRST - 1 :], strict=True))
            theirs = [values[: len(ours[0])] for values in PUBLISHED[beta]]
            result = {"name": "published", "setting": {"beta": beta, "epochs": given.epochs, "seed": given.seed}}
            for term, mine, other in zip(("reconstruction", "kl"), ours, theirs, strict=True):
                result[term] = {"zscope": statistics.mean(mine), "published": statistics.mean(other)}
                result[term]["spread"] = statistics.stdev(other)
            if given.json:
                print(json.dumps(result), flush=True)
                continue
            words = [
                f"{term} {result[term]['zscope']:.2f}, published {result[term]['published']:.2f} "
                f"(epochs differ by {result[term]['spread']:.2f})"
                for term in ("reconstruction", "kl")
            ]
            print(
                f"β = {beta:g}, means of epochs {FIRST} to {given.epochs}, nats per image: {'; '.join(words)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
