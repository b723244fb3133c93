"""The ladders of several runs as one table: FD, FD to reconstructions and meaningful share by sampler and model.

    python benchmarks/ladder_table.py "AE=runs/s0/ae,runs/s1/ae" "VAE=runs/s0/vae,runs/s1/vae" …

Every figure is read from the runs' ladder.json, which `zscope sample RUN --ladder` wrote. Several runs of a model
(other seeds) are one column: the median over them, with the smallest and the largest. FD to reconstructions is left out
of a table whose ladders lack it. Page: docs/results/ladder.md.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

COLUMNS = {"fd": "FD", "fd_reconstructions": "FD to reconstructions", "meaningful": "meaningful"}
REFERENCES = {"held_out": "*held-out images*", "reconstructions": "*reconstructions*", "noise": "*noise*"}


def read(run: str) -> dict[str, Any]:
    return json.loads((Path(run) / "ladder.json").read_text())


def scores(ladder: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {REFERENCES[name]: one for name, one in ladder["reference"].items()} | {
        rung["sampler"]: rung for rung in ladder["rungs"]
    }


def over(values: list[float], share: bool) -> str:
    if share:
        shown = [f"{100 * one:.0f}" for one in (statistics.median(values), min(values), max(values))]
        unit = " %"
    else:
        shown = [f"{one:.3g}" for one in (statistics.median(values), min(values), max(values))]
        unit = ""
    return shown[0] + unit if len(values) == 1 else f"{shown[0]}{unit} ({shown[1]}–{shown[2]})"


def main() -> None:
    models = {}
    for given in sys.argv[1:]:
        name, _, runs = given.partition("=")
        models[name] = [read(run) for run in runs.split(",")]
    tables = {name: [scores(ladder) for ladder in ladders] for name, ladders in models.items()}
    rows = [row for ladders in tables.values() for ladder in ladders for row in ladder.values()]
    columns = {key: words for key, words in COLUMNS.items() if any(key in row for row in rows)}
    print("| | " + " | ".join(f"{name}, {' | '.join(columns.values())}" for name in models) + " |")
    print("| --- |" + " --- |" * (len(columns) * len(models)))
    for row in next(iter(tables.values()))[0]:
        cells = []
        for ladders in tables.values():
            for score in columns:
                values = [one[row][score]["value"] for one in ladders if score in one.get(row, {})]
                cells.append(over(values, score == "meaningful") if values else "–")
        print(f"| {row} | " + " | ".join(cells) + " |")
    recommended = [", ".join(ladder["recommended"] or "none" for ladder in ladders) for ladders in models.values()]
    print("| **recommended** | " + " | ".join(one + " |" * (len(columns) - 1) for one in recommended) + " |")
    for name, ladders in models.items():
        n = sorted({ladder["n"] for ladder in ladders})
        print(f"\n{name}: {len(ladders)} run{'s' * (len(ladders) > 1)}, {', '.join(map(str, n))} images a sampler")
        names = list(dict.fromkeys(one["predictor"] for ladder in ladders for one in ladder["where"]))
        for predictor in names:
            aucs = [
                one["auc"]["value"] for ladder in ladders for one in ladder["where"] if one["predictor"] == predictor
            ]
            print(f"  AUC of {predictor}: {over(aucs, False)}")
        for ladder in ladders:
            print(f"  {ladder['says'].split(' Smaller gains')[0].split(' No difference seen')[0]}")


if __name__ == "__main__":
    main()
