"""Level and power of the structure claims and of `multivariate_normal`, on clouds whose truth is known.

    python benchmarks/power/run.py level [--clouds 1200] [--part 1/2]
    python benchmarks/power/run.py power [--clouds 50] [--part 2/2] [--planting shell …]
    python benchmarks/power/run.py table

Level: clouds of the nulls' own kinds, where there is nothing to find. Power: planted truth. Table: writes the page
docs/explanation/power.md from the results of both.

Each cloud is one line of benchmarks/power/results/KIND.jsonl; what stands there is not run again, so that the script
can be stopped and started, and run in parts beside each other (`--part 1/2`, `--part 2/2`).

A claim that is to hold must beat all 99 draws of every null, so a cloud without structure that does not come first
among few draws is settled early: after 9 draws it is dropped if more than two of them reach it, after 29 if more than
two do. Who passes both is held against all 99. Planted truth is held against all 99 at once.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from page import page

from clouds import NULL_KINDS, OWN_NULL, PLANTINGS, SIZES
from zscope.measures import MEASURES, LatentCodes
from zscope.measures.base import Measurement
from zscope.measures.sample import Sample
from zscope.nulls import BATTERIES, CLAIMS, Battery, Outcome, run_batteries
from zscope.nulls.battery import NullSide
from zscope.nulls.structure import decide

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parents[1] / "docs" / "explanation" / "power.md"
STAGES = ((9, 2), (29, 2))
DRAWS = 99
STRUCTURE = ("clusters", "low_dimensional", "voids")

Line = dict[str, Any]


@dataclass(frozen=True)
class Only(Battery):
    """A battery held against one of its nulls."""

    battery: Battery
    null: str

    @property
    def measure(self) -> str:
        return self.battery.measure

    @property
    def pilots(self) -> int:
        return self.battery.pilots

    def nulls(self, sample: Sample) -> tuple[str, ...]:  # noqa: ARG002
        return (self.null,)

    def prepare(self, sample: Sample, side: NullSide) -> Any:
        return self.battery.prepare(sample, side)

    def statistics(self, sample: Sample, prepared: Any, rng: np.random.Generator) -> Any:
        return self.battery.statistics(sample, prepared, rng)

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002
        return None


def against(battery: Battery, codes: LatentCodes, null: str, seed: Sequence[int], draws: int) -> Outcome:
    return run_batteries(codes.sample, [Only(battery, null)], draws, np.random.default_rng(seed))[battery.measure][0]


def reached(outcome: Outcome) -> int:
    """How many draws reach the codes, by the deciding figure that fewest do."""
    deciding = [column for column, one in enumerate(outcome.statistics) if one.decides]
    return round(float(outcome.p[deciding].min()) * (len(outcome.draws) + 1)) - 1


def structure(
    claim: str, codes: LatentCodes, seed: Sequence[int], first: str | None, stages: Sequence[tuple[int, int]]
) -> Line:
    """Decide a structure claim, the null that is most likely to stand first, and stop where it stands."""
    battery = battery_of(claim)
    nulls = list(battery.nulls(codes.sample))
    nulls.sort(key=lambda name: name != first)
    outcomes: list[Outcome] = []
    for null in nulls:
        for draws, most in stages:
            if reached(against(battery, codes, null, seed, draws)) > most:
                return {"holds": False, "stopped": [null, draws]}
        outcome = against(battery, codes, null, seed, DRAWS)
        outcomes.append(outcome)
        if reached(outcome):
            return {"holds": False, "stopped": [null, DRAWS]}
    made = decide(claim, outcomes)
    figures = {"figure": made.statistic.name, "effect": made.effect, "null": made.null}
    return {"holds": made.holds, "why": made.why, **figures}


def agreement(battery: Battery, codes: LatentCodes, seed: Sequence[int]) -> Line:
    measure = next(one for one in MEASURES if one.name == battery.measure)
    outcomes = run_batteries(codes.sample, [battery], DRAWS, np.random.default_rng(seed))[battery.measure]
    verdict = battery.verdict(measure.measure(codes, np.random.default_rng(seed)), outcomes)
    return {"holds": verdict.holds, "strength": verdict.strength}


def battery_of(claim: str) -> Battery:
    return next(one for one in BATTERIES if one.measure == CLAIMS[claim].measure)


def level_cloud(number: int) -> Line:
    kinds, sizes = list(NULL_KINDS), SIZES
    kind, (n, d) = kinds[number % len(kinds)], sizes[number // len(kinds) % len(sizes)]
    codes = LatentCodes.of(NULL_KINDS[kind](n, d, np.random.default_rng([1, number])))
    answer: Line = {"number": number, "kind": kind, "n": n, "d": d}
    for claim in STRUCTURE:
        if battery_of(claim).untestable(codes.sample) is None:
            answer[claim] = structure(claim, codes, [2, number], OWN_NULL[kind], STAGES)
    answer["multivariate_normal"] = agreement(battery_of("multivariate_normal"), codes, [3, number])
    return answer


def power_cloud(name: str, number: int) -> Line:
    planting = PLANTINGS[name]
    codes = LatentCodes.of(planting.draw(np.random.default_rng([4, number])))
    answer: Line = {"number": number, "planting": name, "n": codes.n, "d": codes.dimension}
    if CLAIMS[planting.claim].kind == "structure":
        answer[planting.claim] = structure(planting.claim, codes, [5, number], None, ())
    else:
        answer[planting.claim] = agreement(battery_of(planting.claim), codes, [5, number])
    return answer


# --- running in parts, and the page ----------------------------------------------------------------------------------


def read(kind: str) -> list[Line]:
    files = sorted(RESULTS.glob(f"{kind}*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line.strip()]


def run(
    kind: str,
    jobs: Iterator[tuple[Any, ...]],
    make: Callable[..., Line],
    part: str,
    key: Callable[[Line], tuple[Any, ...]],
) -> None:
    index, of = (int(number) for number in part.split("/"))
    RESULTS.mkdir(exist_ok=True)
    done = {key(line) for line in read(kind)}
    path = RESULTS / f"{kind}-{index}.jsonl"
    for place, job in enumerate(jobs):
        if place % of != index - 1 or job in done:
            continue
        start = time.perf_counter()
        line = make(*job)
        line["seconds"] = round(time.perf_counter() - start, 2)
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("level", "power", "table"))
    parser.add_argument("--clouds", type=int)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--planting", action="append", choices=list(PLANTINGS))
    given = parser.parse_args()
    if given.what == "level":
        jobs = ((number,) for number in range(given.clouds or 1200))
        run("level", jobs, level_cloud, given.part, lambda line: (line["number"],))
    elif given.what == "power":
        names = given.planting or list(PLANTINGS)
        # Plantings in turn, so that every one has as many clouds whenever the script is stopped.
        several = ((name, number) for number in range(given.clouds or 50) for name in names)
        run("power", several, power_cloud, given.part, lambda line: (line["planting"], line["number"]))
    else:
        PAGE.write_text(page(read("level"), read("power"), PLANTINGS))


if __name__ == "__main__":
    main()
