"""Presets: networks and training recipes by name. A new one is one entry of the list."""

from dataclasses import dataclass
from typing import Any

from zscope.errors import ParameterError
from zscope.models.config import Layer


@dataclass(frozen=True)
class Preset:
    """A network and the recipe that trains it.

    Attributes
    ----------
    what : str
        One line on where it comes from.
    shape : (int, int, int)
        The images it was made for; others of any size are taken as well.
    network : dict
        Fields of `ModelConfig` other than kind, shape, z_dim and beta.
    z_dim : int
        Default number of latent dimensions.
    training : dict
        Fields of `TrainingConfig` that differ from its defaults.
    """

    what: str
    shape: tuple[int, int, int]
    network: dict[str, Any]
    z_dim: int
    training: dict[str, Any]


def _layers(*layers: tuple[int, int]) -> tuple[Layer, ...]:
    return tuple(Layer(filters=filters, stride=stride) for filters, stride in layers)


# Keras' Adam adds 1e-7 to the root of the second moment of the gradient of *its* loss. Ours is larger by a constant
# factor (a sum over pixels, or over channels, where Keras takes a mean), and Adam's step is the same for a scaled
# loss exactly when its epsilon is scaled with it. Keras adds its epsilon to the root before the bias correction,
# PyTorch after it, so that in step t Keras' epsilon is in effect larger by 1 / sqrt(1 - beta2^t): 32 times in the
# first step, 1.26 times after 1,000. The two agree once that has worn off.
PRESETS: dict[str, Preset] = {
    "digits": Preset(
        what="small network for scikit-learn's 8×8 digits",
        shape=(8, 8, 1),
        network={"layers": _layers((32, 1), (64, 2), (64, 2))},
        z_dim=16,
        training={"epochs": 120, "batch": 64, "learning_rate": 1e-3},
    ),
    "mnist": Preset(
        what="experiment S1: MNIST, three convolutions, 392,209 parameters at z_dim 16",
        shape=(28, 28, 1),
        network={"layers": _layers((32, 1), (64, 2), (128, 2))},
        z_dim=16,
        training={"epochs": 40, "batch": 128, "learning_rate": 5e-4, "adam_eps": 784e-7},
    ),
    "celeba": Preset(
        what="experiments S2 and S3: 96×96 colour photographs of faces, four convolutions",
        shape=(96, 96, 3),
        network={"layers": _layers((32, 2), (64, 2), (128, 2), (256, 2))},
        z_dim=256,
        training={"epochs": 24, "batch": 128, "learning_rate": 5e-4, "adam_eps": 3e-7},
    ),
}


def preset(name: str) -> Preset:
    """Look a preset up by name; an unknown name lists the valid ones."""
    if name not in PRESETS:
        raise ParameterError("preset", f"be one of {', '.join(PRESETS)}", name)
    return PRESETS[name]


def preset_for(shape: tuple[int, int, int]) -> str:
    """Choose the preset for images nobody chose one for: ``celeba`` for colour, else the nearest in size."""
    if shape[2] == 3:
        return "celeba"
    return "digits" if max(shape[:2]) < 20 else "mnist"
