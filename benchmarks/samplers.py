"""zscope's recommended sampler against pythae's, on the same codes of the same saved model, by the same judge.

    python benchmarks/samplers.py [RUN] [--images 1000] [--epochs 100] [--seed 0] [--peer MAF …] [--json]
                                  [--peers-python .venv-peers/bin/python]

RUN is a run that ``zscope sample RUN --ladder`` has given a sampler; without it an autoencoder of scikit-learn's digits
is trained and its ladder made in a passing folder. pythae's samplers run in the peers' environment (made by
``make bench-peers``), in their default settings: they are given zscope's training codes in place of an encoder (of a
VAE draws of the posteriors, as pythae does) and an identity in place of a decoder, so that they give back codes. All
codes are then decoded by the same decoder and scored by the same judge. Time is that of fitting; the ratio is zscope's
over the peer's. Codes with NaN or infinity cannot be decoded; they are left out and counted.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

PEERS = ("Normal", "GaussianMixture", "MAF", "TwoStageVAE")


def peer_codes(name: str, codes: np.ndarray, n: int, epochs: int, seed: int, folder: Path) -> tuple[np.ndarray, float]:
    """Fit one of pythae's samplers to codes and draw; runs in the peers' environment, without zscope."""
    import torch
    from pythae import samplers
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainerConfig

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - scikit-learn's mixture inside pythae draws from it
    table = torch.from_numpy(codes)

    class Looked(BaseEncoder):
        def forward(self, rows):
            return ModelOutput(embedding=table[rows[:, 0].long()], log_covariance=None)

    class Identity(BaseDecoder):
        def forward(self, z):
            return ModelOutput(reconstruction=z)

    class Saved(VAE):
        """Stands for the saved model: an image is the number of its row, and its code is looked up."""

        def forward(self, inputs, **_):
            return ModelOutput(z=self.encoder(inputs["data"]).embedding)

    size = codes.shape[1]
    model = Saved(VAEConfig(input_dim=(1,), latent_dim=size), encoder=Looked(), decoder=Identity())
    sampler = getattr(samplers, f"{name}Sampler")(model)
    rows = np.arange(len(codes), dtype=np.float32)[:, None]
    began = time.perf_counter()
    if name in ("MAF", "TwoStageVAE"):
        training = BaseTrainerConfig(output_dir=str(folder), num_epochs=epochs, no_cuda=True, seed=seed)
        sampler.fit(rows, training_config=training)
    elif name != "Normal":
        sampler.fit(rows)
    took = time.perf_counter() - began
    with torch.no_grad():
        drawn = sampler.sample(num_samples=n).cpu().numpy()
    return drawn.astype(np.float32), took


def drawn_by_peer(python: str, name: str, codes: Path, arguments: argparse.Namespace) -> tuple[np.ndarray, float]:
    """Ask the peers' environment for codes."""
    with TemporaryDirectory() as passing:
        out = Path(passing) / "drawn.npy"
        command = [python, __file__, "--draw", name, str(codes), str(out), "--images", str(arguments.images)]
        command += ["--epochs", str(arguments.epochs), "--seed", str(arguments.seed)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            sys.exit(f"pythae's {name}Sampler failed:\n{answer.stderr[-2000:]}")
        return np.load(out), json.loads(answer.stdout.splitlines()[-1])["seconds"]


def made_run(folder: Path) -> Path:
    """Train an autoencoder of the digits and make its ladder."""
    from zscope.cli.main import run as zscope

    path = folder / "digits"
    quiet = ["--quiet", "--device", "cpu"]
    for words in (
        ["train", "digits", "--epochs", "40", "--out", str(path), "--stores", str(folder / "store"), *quiet],
        ["sample", str(path), "--ladder", *quiet],
    ):
        if zscope(words):
            sys.exit(f"zscope {' '.join(words)} failed")
    return path


def measure(path: Path, arguments: argparse.Namespace, python: str | None) -> dict[str, object]:
    from zscope.generation.sampling import fitted
    from zscope.models import Autoencoder
    from zscope.runs import Latents, Run
    from zscope.runs.ladders import read_ladder
    from zscope.study.encode import open_store
    from zscope.study.ladder import judge_of

    run, ladder = Run.open(path), read_ladder(path / "ladder.json")
    if not ladder.get("recommended"):
        sys.exit(f"{path} has no recommended sampler: zscope sample {path} --ladder")
    latents = Latents.open(run.latents)
    rows = latents.split("train")
    codes, logvar = latents.mean(rows), latents.logvar(rows)
    model, judge = Autoencoder.from_pretrained(path), judge_of(run, latents, open_store(run))

    began = time.perf_counter()
    item = fitted(ladder["recommended"], codes, logvar)
    seconds = {"zscope": time.perf_counter() - began}
    drawn = {"zscope": item.draw(arguments.images, np.random.default_rng(arguments.seed))}
    with TemporaryDirectory() as passing:
        given = Path(passing) / "codes.npy"
        noise = np.random.default_rng(arguments.seed).standard_normal(codes.shape, dtype=np.float32)
        np.save(given, codes if logvar is None else codes + np.exp(logvar / 2) * noise)
        for name in arguments.peer or PEERS if python else ():
            drawn[name], seconds[name] = drawn_by_peer(python, name, given, arguments)
    finite = {name: some[np.isfinite(some).all(axis=1)] for name, some in drawn.items()}
    scores = {
        name: judge.score(model.decode_all(some), np.random.default_rng([arguments.seed, 1])).as_json()
        for name, some in finite.items()
    }
    return {
        "name": "samplers",
        "setting": {
            "run": run.name,
            "codes": len(codes),
            "dimensions": codes.shape[1],
            "images": arguments.images,
            "epochs": arguments.epochs,
            "recommended": ladder["recommended"],
            "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        },
        "rounds": 1,
        "ratio": {name: seconds["zscope"] / took for name, took in seconds.items() if name != "zscope" and took > 1e-3},
        "seconds": seconds,
        "not finite": {name: len(some) - len(finite[name]) for name, some in drawn.items()},
        "quality": scores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=100, help="of MAF and TwoStageVAE; 100 is pythae's default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="append", choices=PEERS)
    parser.add_argument("--peers-python", default=".venv-peers/bin/python")
    parser.add_argument("--draw", nargs=3, metavar=("PEER", "CODES", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.draw:
        name, codes, out = arguments.draw
        with TemporaryDirectory() as folder:
            found, took = peer_codes(
                name, np.load(codes), arguments.images, arguments.epochs, arguments.seed, Path(folder)
            )
        np.save(out, found)
        print(json.dumps({"seconds": took}))
        return
    python = arguments.peers_python if Path(arguments.peers_python).exists() else None
    if python is None and importlib.util.find_spec("pythae"):
        python = sys.executable
    if python is None:
        print(f"pythae is left out: there is no {arguments.peers_python} (make bench-peers)", file=sys.stderr)
    with TemporaryDirectory() as folder:
        result = measure(arguments.run or made_run(Path(folder)), arguments, python)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['setting']}")
    for name, scores in result["quality"].items():
        fd, share = scores["fd"], scores["meaningful"]
        print(
            f"  {name:16s} FD {fd['value']:9.4g} ({fd['low']:.4g} to {fd['high']:.4g}), meaningful "
            f"{100 * share['value']:5.1f} %, fitted in {result['seconds'][name]:7.1f} s"
            + (f"; {result['not finite'][name]} codes not finite" if result["not finite"][name] else "")
        )


if __name__ == "__main__":
    main()
