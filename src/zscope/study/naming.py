"""Names of run folders: source, model, dimensions, weight and seed."""

import re

from zscope.models.config import ModelConfig


def run_name(source: str, model: ModelConfig, seed: int) -> str:
    """Default name of a run folder, ``SOURCE-MODEL-zD[-WEIGHT]-sSEED``.

    Examples
    --------
    >>> from zscope.models.config import validated
    >>> model = validated(kind="vae", shape=(96, 96, 3), z_dim=256, beta=15, layers=[{"filters": 8}])
    >>> run_name("folder:faces/", model, 1)
    'faces-vae-z256-fact5-s1'
    """
    scheme, _, argument = source.partition(":")
    place = argument.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0] if argument else scheme
    place = re.sub(r"[^A-Za-z0-9_-]+", "-", place).strip("-") or scheme
    weight = "" if model.kind == "ae" else f"-fact{model.fact:g}" if model.channels > 1 else f"-beta{model.beta:g}"
    norm = "-bn" if model.batch_norm else ""
    dense = "".join(f"-dense{width}" for width in model.extra_dense)
    return f"{place}-{model.kind}-z{model.z_dim}{weight}{norm}{dense}-s{seed}"
