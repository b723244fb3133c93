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

    What else makes the objective, where it is not the usual one, stands behind the weight:

    >>> model = validated(kind="vae", shape=(8, 8, 1), z_dim=4, beta=1, layers=[{"filters": 8}], prior="vamp:inputs=50")
    >>> run_name("digits", model, 0)
    'digits-vae-z4-beta1-vamp-inputs-50-s0'
    """
    scheme, _, argument = source.partition(":")
    place = argument.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0] if argument else scheme
    place = re.sub(r"[^A-Za-z0-9_-]+", "-", place).strip("-") or scheme
    weight = "" if model.kind == "ae" else f"-fact{model.fact:g}" if model.channels > 1 else f"-beta{model.beta:g}"
    norm = "-bn" if model.batch_norm else ""
    dense = "".join(f"-dense{width}" for width in model.extra_dense)
    return f"{place}-{model.kind}-z{model.z_dim}{weight}{norm}{dense}{_objective(model)}-s{seed}"


def _objective(model: ModelConfig) -> str:
    """Parts of a model that are not the usual ones, each with a hyphen before it."""
    named = [*model.regularisers, model.schedule, model.corruption, model.prior]
    usual = {ModelConfig.model_fields[name].default for name in ("schedule", "corruption", "prior")}
    texts = [part.text for part in named if part not in usual]
    for name in ("network", "likelihood"):
        value = getattr(model, name)
        if value != ModelConfig.model_fields[name].default:
            texts.append(value)
    if model.sigma != ModelConfig.model_fields["sigma"].default:
        texts.append(f"sigma{model.sigma:g}")
    return "".join("-" + re.sub(r"[^A-Za-z0-9.]+", "-", text) for text in texts)
