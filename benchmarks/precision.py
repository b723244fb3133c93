"""Final losses of runs in bfloat16 against runs in float32, over seeds.

One model is trained with every seed in both precisions; all else is equal, the first weights and the latent noise too.
Held-out losses are those of the last epoch, nats per image. What the precision costs is the mean difference of the
pairs, with a 90 % interval by Student's t: where it lies within one standard deviation of the float32 runs over seeds,
two one-sided tests at 5 % say that the precision changes a loss by less than a seed does.

    python benchmarks/precision.py --source mnist:DIR --preset mnist [--seeds 10] [--epochs 6] [--model vae]
                                   [--rate-schedule cosine] [--json]
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from scipy import stats

from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.runs.store import ImageStore
from zscope.study.request import TrainRequest
from zscope.study.train import train

PRECISIONS = ("fp32", "bf16")


def held_out(given: argparse.Namespace, store: ImageStore, precision: str, seed: int, folder: Path) -> dict[str, float]:
    weight = {"beta": given.beta} if given.model == "vae" else {}
    request = TrainRequest.of(
        model=given.model,
        preset=given.preset,
        epochs=given.epochs,
        seed=seed,
        precision=precision,
        grids_every=0,
        rate_schedule=given.rate_schedule,
        **weight,
    )
    run = train(request, given.source, store, out=folder / f"{precision}-{seed}", log=unheard)
    last = run.metrics()[-1]
    assert last["split"] == "held-out"
    return {name: float(last[name]) for name in ("total", "reconstruction", "kl")}


def compared(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Mean difference bf16 − fp32 with its 90 % interval, beside the spread over seeds in fp32."""
    differences = [lower - exact for exact, lower in pairs]
    half = stats.t.ppf(0.95, len(pairs) - 1) * statistics.stdev(differences) / len(pairs) ** 0.5
    mean = statistics.mean(differences)
    spread = statistics.stdev(exact for exact, _ in pairs)
    return {"difference": mean, "low": mean - half, "high": mean + half, "spread": spread}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--model", choices=["ae", "vae"], default="vae")
    parser.add_argument("--beta", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate-schedule", default="constant", help="cosine: no last epoch that fluctuates")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    losses: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        store = prepare(given.source, root=Path("store"), log=unheard)
        for seed in range(given.seeds):
            for precision in PRECISIONS:
                found = held_out(given, store, precision, seed, Path(folder))
                losses[precision].append(found)
                shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
                if not given.json:
                    print(f"{given.preset}, {given.model}, seed {seed}, {precision}: held-out {shown}", flush=True)
    names = ("total", "reconstruction", "kl") if given.model == "vae" else ("total",)
    results = {name: compared([(a[name], b[name]) for a, b in zip(*losses.values(), strict=True)]) for name in names}
    if given.json:
        print(json.dumps({"name": "precision", "setting": vars(given), "losses": losses, "results": results}))
        return
    for name, found in results.items():
        within = "within" if max(-found["low"], found["high"]) < found["spread"] else "not shown to be within"
        print(
            f"{name}: bf16 − fp32 {found['difference']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f}) nats, "
            f"{within} one standard deviation over {given.seeds} seeds in fp32, {found['spread']:.3f}"
        )


if __name__ == "__main__":
    main()
