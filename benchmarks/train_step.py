"""A training step of zscope against plain fp32 eager PyTorch, pythae's own trainer and Keras on TensorFlow, in turn.

All train the same network on the same batch with the same loss. Plain PyTorch is written as one would write it without
zscope: `nn.Conv2d` and `nn.ConvTranspose2d` with their biases, asymmetric padding and cropping around them where the
``same`` rule asks for it, binary cross-entropy summed over each image, `torch.optim.Adam`, everything float32.

pythae (a VAE, by its trainer, data loader and all) and Keras 3 on TensorFlow (the same VAE, its step compiled by
`tf.function`, float32 and mixed_bfloat16) live in an environment of their own: make bench-peers.

    python benchmarks/train_step.py [--preset mnist …] [--peer pythae …] [--rounds 5] [--threads 1] [--json]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent / "peer_workers"))
from worker import PEERS, PEERS_PYTHON, Worker, setting

from zscope.models import PRESETS, Autoencoder, ModelConfig
from zscope.models.heap import kept_heap
from zscope.models.layers import SameConv2d, SameConvTranspose2d, same_padding
from zscope.models.networks import sizes
from zscope.training.devices import accelerator, resolve_device, resolve_precision


class Pad(nn.Module):
    def __init__(self, pad: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.pad = pad

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.pad)


class Crop(nn.Module):
    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.size[0], : self.size[1]]


def plain(config: ModelConfig) -> nn.Sequential:
    """The preset's AE in plain PyTorch."""
    edges, channels, modules = sizes(config), config.channels, []
    for layer, (height, width) in zip(config.layers, edges, strict=False):
        vertical, horizontal = (same_padding(edge, layer.kernel, layer.stride) for edge in (height, width))
        if vertical[0] == vertical[1] and horizontal[0] == horizontal[1]:
            modules += [nn.Conv2d(channels, layer.filters, layer.kernel, layer.stride, (vertical[0], horizontal[0]))]
        else:
            modules += [Pad((*horizontal, *vertical)), nn.Conv2d(channels, layer.filters, layer.kernel, layer.stride)]
        modules += [nn.LeakyReLU(config.slope)]
        channels = layer.filters
    height, width = edges[-1]
    features = channels * height * width
    modules += [nn.Flatten(), nn.Linear(features, config.z_dim), nn.Linear(config.z_dim, features)]
    modules += [nn.Unflatten(1, (channels, height, width))]
    outputs = [*(layer.filters for layer in config.layers[-2::-1]), config.channels]
    for layer, filters, size in zip(config.layers[::-1], outputs, edges[-2::-1], strict=True):
        before, after = same_padding(size[0], layer.kernel, layer.stride)
        modules += [nn.ConvTranspose2d(channels, filters, layer.kernel, layer.stride, before if before == after else 0)]
        modules += [Crop(size), nn.LeakyReLU(config.slope)]
        channels = filters
    return nn.Sequential(*modules[:-1])


def peer_step(config: ModelConfig, images: Tensor) -> Callable[[], float]:
    network = plain(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-4)

    def step() -> float:
        loss = functional.binary_cross_entropy_with_logits(network(images), images, reduction="sum") / len(images)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        return float(loss.detach())

    return step


def zscope_step(config: ModelConfig, images: Tensor) -> Callable[[], float]:
    device = resolve_device("cpu")
    model = Autoencoder(config).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)
    engine = accelerator(device, resolve_precision("auto", device))
    prepared, optimiser = engine.prepare(model, optimiser)
    images = images.contiguous(memory_format=torch.channels_last)

    def step() -> float:
        losses = prepared(images)
        engine.backward(losses.total)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return float(losses.total.detach())

    return step


def seconds_as_trained(step: Callable[[], float], steps: int) -> float:
    """Seconds a step of zscope takes; as its trainer does, it keeps its heap."""
    with kept_heap():
        step()
        return seconds(step, steps)


def copy_weights(config: ModelConfig, images: Tensor) -> float:
    """Largest difference of the two networks' outputs with the same weights: they are equal."""
    model, network = Autoencoder(config), plain(config)
    ours = [m for m in model.modules() if isinstance(m, SameConv2d | SameConvTranspose2d | nn.Linear)]
    theirs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    order = [m for m in ours if isinstance(m, SameConv2d)] + [model.head.mean]
    order += [m for m in model.decoder.modules() if isinstance(m, nn.Linear | SameConvTranspose2d)]
    with torch.no_grad():
        for mine, other in zip(order, theirs, strict=True):
            other.weight.copy_(mine.weight)
            other.bias.copy_(mine.bias)
        return float((network(images) - model.decoder(model.head(model.encoder(images)).mean)).abs().max())


def seconds(step: Callable[[], float], steps: int) -> float:
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begun) / steps


def measure(preset: str, rounds: int, steps: int, batch: int) -> dict[str, object]:
    chosen = PRESETS[preset]
    config = ModelConfig(kind="ae", shape=chosen.shape, z_dim=chosen.z_dim, **chosen.network)
    torch.manual_seed(0)
    images = torch.rand(batch, config.channels, *config.shape[:2])
    ours, theirs = zscope_step(config, images), peer_step(config, images)
    ours(), theirs()
    pairs = [(seconds_as_trained(ours, steps), seconds(theirs, steps)) for _ in range(rounds)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "name": "train_step",
        "setting": {"preset": preset, "batch": batch, "threads": torch.get_num_threads()},
        "rounds": rounds,
        "ratio": {"PyTorch fp32 eager": statistics.median(a / b for a, b in pairs)},
        "milliseconds": {"zscope": 1000 * mine, "PyTorch fp32 eager": 1000 * other},
        "quality": {"largest difference of outputs at equal weights": copy_weights(config, images[:8])},
    }


def against(peer: str, preset: str, rounds: int, steps: int, batch: int, python: Path) -> dict[str, object]:
    """A VAE's step against a peer of another environment."""
    chosen = PRESETS[preset]
    config = ModelConfig(kind="vae", shape=chosen.shape, z_dim=chosen.z_dim, beta=1.0, **chosen.network)
    torch.manual_seed(0)
    ours = zscope_step(config, torch.rand(batch, config.channels, *config.shape[:2]))
    ours(), ours()
    with Worker(peer, setting(config, batch, torch.get_num_threads(), "train"), python) as theirs:
        pairs = [(seconds_as_trained(ours, steps), theirs.seconds(steps)) for _ in range(rounds)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "name": "train_step",
        "setting": {"preset": preset, "batch": batch, "threads": torch.get_num_threads(), "model": "vae"},
        "rounds": rounds,
        "ratio": {peer: statistics.median(a / b for a, b in pairs)},
        "milliseconds": {"zscope": 1000 * mine, peer: 1000 * other},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", action="append", choices=sorted(PRESETS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="steps a round, a multiple of 4 where pythae takes part")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="by default plain PyTorch alone")
    parser.add_argument("--python", type=Path, default=PEERS_PYTHON, help="Python of the peers' environment")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    for preset in arguments.preset or ["mnist", "celeba"]:
        for peer in arguments.peer or []:
            result = against(peer, preset, arguments.rounds, arguments.steps, arguments.batch, arguments.python)
            times = result["milliseconds"]
            line = f"{preset} (VAE): zscope {times['zscope']:.0f} ms, {peer} {times[peer]:.0f} ms"
            shown = f"{line}; ratio {result['ratio'][peer]:.2f} (median of {arguments.rounds} rounds in turn)"
            print(json.dumps(result) if arguments.json else shown, flush=True)
        if arguments.peer:
            continue
        result = measure(preset, arguments.rounds, arguments.steps, arguments.batch)
        if arguments.json:
            print(json.dumps(result))
            continue
        times, difference = result["milliseconds"], result["quality"]["largest difference of outputs at equal weights"]
        print(
            f"{preset}: zscope {times['zscope']:.0f} ms, PyTorch fp32 eager {times['PyTorch fp32 eager']:.0f} ms; "
            f"ratio {result['ratio']['PyTorch fp32 eager']:.2f} (median of {arguments.rounds} rounds in turn, "
            f"{torch.get_num_threads()} threads; at equal weights outputs differ by {difference:.0e} at most)"
        )


if __name__ == "__main__":
    main()
