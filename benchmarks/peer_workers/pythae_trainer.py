"""The network of a preset in pythae, trained by its own trainer: a VAE with binary cross-entropy and KL, float32."""

import tempfile

from protocol import answer, setting

given = setting()

import logging

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

logging.disable(logging.CRITICAL)
torch.set_num_threads(given["threads"])
torch.manual_seed(0)
height, width, channels = given["shape"]
edges = [(height, width)]
for _, stride in given["layers"]:
    edges.append(tuple(-(-edge // stride) for edge in edges[-1]))
features = given["layers"][-1][0] * edges[-1][0] * edges[-1][1]


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        modules, last = [], channels
        for filters, stride in given["layers"]:
            modules += [nn.Conv2d(last, filters, 3, stride, 1), nn.LeakyReLU(given["slope"])]
            last = filters
        self.trunk = nn.Sequential(*modules, nn.Flatten())
        self.mean, self.logvar = nn.Linear(features, given["z_dim"]), nn.Linear(features, given["z_dim"])

    def forward(self, x):
        found = self.trunk(x)
        return ModelOutput(embedding=self.mean(found), log_covariance=self.logvar(found))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        last = given["layers"][-1][0]
        modules = [nn.Linear(given["z_dim"], features), nn.Unflatten(1, (last, *edges[-1]))]
        outputs = [*(filters for filters, _ in given["layers"][-2::-1]), channels]
        for (_, stride), filters, before, after in zip(
            given["layers"][::-1], outputs, edges[:0:-1], edges[-2::-1], strict=True
        ):
            extra = tuple(b - ((a - 1) * stride + 1) for a, b in zip(before, after, strict=True))
            modules += [nn.ConvTranspose2d(last, filters, 3, stride, 1, extra), nn.LeakyReLU(given["slope"])]
            last = filters
        self.back = nn.Sequential(*modules[:-1], nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.back(z))


settings = VAEConfig(input_dim=(channels, height, width), latent_dim=given["z_dim"], reconstruction_loss="bce")
model = VAE(settings, encoder=Encoder(), decoder=Decoder())
STEPS = 4
images = torch.rand(STEPS * given["batch"], channels, height, width)
data = BaseDataset(images, torch.zeros(len(images)))
recipe = BaseTrainerConfig(
    output_dir=tempfile.mkdtemp(),
    learning_rate=5e-4,
    per_device_train_batch_size=given["batch"],
    num_epochs=1,
    no_cuda=True,
)
trainer = BaseTrainer(model=model, train_dataset=data, training_config=recipe)
trainer.prepare_training()


def work(times):
    """Every epoch is STEPS steps: the benchmark asks for multiples."""
    for _ in range(times // STEPS):
        trainer.train_step(epoch=1)


answer(work, warm=STEPS)
