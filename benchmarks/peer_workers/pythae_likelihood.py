"""pythae on the images of `likelihood`: its authors' network and trainer, and its estimate of −log p(x).

    python pythae_likelihood.py '{"images": FILE.npz, "epochs": …, "learning_rate": …, "batch": …, "seed": …, …}'

FILE.npz holds train, held_out and test, (N, 784) of 0 and 1. One line of JSON comes out: the held-out total of the best
epoch's model, and −log p(x) of the test images in every round, all in nats.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, AutoModel, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

logging.disable(logging.CRITICAL)
given = json.loads(sys.argv[1])
torch.manual_seed(given["seed"])
PIXELS, HIDDEN, Z_DIM = 784, 400, 40


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(PIXELS, HIDDEN)
        self.mean, self.logvar = nn.Linear(HIDDEN, Z_DIM), nn.Linear(HIDDEN, Z_DIM)

    def forward(self, x):
        found = torch.relu(self.hidden(x.flatten(1)))
        return ModelOutput(embedding=self.mean(found), log_covariance=self.logvar(found))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.back = nn.Sequential(nn.Linear(Z_DIM, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.back(z).view(-1, 1, 28, 28))


def dataset(images):
    return BaseDataset(images, torch.zeros(len(images)))


stored = np.load(given["images"])
images = {name: torch.from_numpy(stored[name]).float().view(-1, 1, 28, 28) for name in ("train", "held_out", "test")}
with tempfile.TemporaryDirectory() as folder:
    recipe = BaseTrainerConfig(
        output_dir=folder,
        num_epochs=given["epochs"],
        learning_rate=given["learning_rate"],
        per_device_train_batch_size=given["batch"],
        per_device_eval_batch_size=given["batch"],
        seed=given["seed"],
        no_cuda=True,
    )
    model = VAE(
        VAEConfig(input_dim=(1, 28, 28), latent_dim=Z_DIM, reconstruction_loss="bce"),
        encoder=Encoder(),
        decoder=Decoder(),
    )
    sets = dataset(images["train"]), dataset(images["held_out"])
    trainer = BaseTrainer(model, *sets, training_config=recipe)
    trainer.train()
    (final,) = Path(folder).glob("*/final_model")
    best = AutoModel.load_from_folder(str(final)).eval()
with torch.no_grad():
    totals = [float(best({"data": part}).loss) * len(part) for part in images["held_out"].split(100)]
    rounds = [-float(best.get_nll(images["test"], n_samples=given["samples"])) for _ in range(given["rounds"])]
print(json.dumps({"held_out": sum(totals) / len(images["held_out"]), "rounds": rounds}))
