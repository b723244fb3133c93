"""What the articles' claims rest on, as a table of measured runs.

    python benchmarks/claims_table.py "MNIST AE=runs/mnist/ae" "LFW AE=runs/lfw/ae" …

Every figure is read from the runs' measures.json, which `zscope measure` wrote. Page: docs/results/claims.md.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

NULLS = ("covariance", "elliptical", "copula")
SCALES = (4, 8, 20, 50, 100, 200)


def figures(run: Path) -> Iterator[tuple[str, str]]:
    found = {one["name"]: one for one in json.loads((run / "measures.json").read_text())["measures"]}
    tests = {(t["statistic"], t["null"]): t for one in found.values() for t in one.get("tests", [])}
    radius, windows = found["radius"]["values"], found["planes"]["values"]["planes"]
    p = [s["p"] for plane in windows for w in plane["windows"] if w["statistics"] for s in w["statistics"].values()]
    yield "radius, peak", f"{radius['peak']:.2f}"
    yield "… from mean and covariance", f"{radius['moments']['peak']:.2f}"
    yield "… from unit variances, √d", f"{found['activity']['values']['dimension'] ** 0.5:.0f}"
    yield "radius, spread over that of the null", f"{tests['radius_sd', 'covariance']['effect']:.2f}"
    yield "radius, distance from the null", f"{tests['radius_ks', 'covariance']['value']:.3f}"
    yield (
        "dominating axes",
        f"{len(found['axes']['values']['dominating'])} of {found['activity']['values']['dimension']}",
    )
    yield "axes that are not normal", f"{found['normality']['values']['rejected']['count']}"
    yield "… furthest off by", f"{tests['axes_ks', 'covariance']['value']:.3f}"
    yield "Mahalanobis distances off by", f"{tests['mahalanobis_ks', 'covariance']['value']:.3f}"
    yield "first component's share of the variance", f"{found['pca']['values']['explained'][0]:.3f}"
    yield "figures of windows", f"{len(p)}"
    yield "… with p ≤ 0.01", f"{sum(one <= 0.01 for one in p)}"
    scale = min(SCALES, key=lambda k: max(tests[f"doubling_{k}", null]["effect"] for null in NULLS))
    yield (
        "dimension, of the null's (every null)",
        f"{max(tests[f'doubling_{scale}', null]['effect'] for null in NULLS):.2f}",
    )
    yield "… of the codes, at neighbours", f"{tests[f'doubling_{scale}', 'covariance']['value']:.1f}, {scale}"
    shares = {s for s, _ in tests if s.startswith("void_share")}
    best = max(shares, key=lambda s: min(tests[s, null]["effect"] for null in NULLS))
    null = min(NULLS, key=lambda null: tests[best, null]["effect"])
    yield "voids, share of the null's places", f"{tests[best, null]['value']:.3f} ({best.removeprefix('void_share_')})"
    yield "behind valleys, share of the codes", f"{tests['separated_share', 'covariance']['value']:.3f}"
    yield "inertia at k = 40 over the null's", f"{math.exp(tests['log_inertia_40', 'covariance']['effect']):.3f}"


def main() -> None:
    table = {}
    for given in sys.argv[1:]:
        name, _, run = given.partition("=")
        table[name] = dict(figures(Path(run)))
    print("| | " + " | ".join(table) + " |\n| --- |" + " --- |" * len(table))
    for row in next(iter(table.values())):
        print(f"| {row} | " + " | ".join(one[row] for one in table.values()) + " |")


if __name__ == "__main__":
    main()
