"""Latency and memory of the explorer under simulated users who pan, click and decode.

    python benchmarks/explorer_users.py RUN [--users 20] [--seconds 120] [--think 0.25] [--json]

First one user decodes alone, a place after the other: the median latency of a decoded place, as the page would see it.
Then all users at once, each in a loop: a place decoded (7 of 10 times), a point with its neighbours and images, the
statistics of a window, thumbnails; the latest of a user's dragged places supersedes the older ones, as in the page.
Printed are the answers by kind, their median and 95 % latency, failures, and the server's memory after each quarter.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

from zscope.explorer.envelope import unpacked


class CallFailedError(Exception):
    """A call that was answered by an error; its kind is the text."""


class Page:
    """What the page asks, by HTTP."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(self, name: str, **parameters: Any) -> tuple[Any, Any]:
        body = json.dumps(parameters).encode()
        asked = urllib.request.Request(f"{self.address}api/{name}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=60) as response:
                return unpacked(response.read())
        except urllib.error.HTTPError as error:
            raise CallFailedError(json.loads(error.read())["error"]["kind"]) from None


def memory(process: subprocess.Popen[str]) -> float:
    """Resident memory in MiB, without the pages of mapped files (images, codes), which the system takes back."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def places(rng: random.Random, bounds: list[float]) -> list[list[float]]:
    return [[rng.uniform(bounds[0], bounds[1]), rng.uniform(bounds[0], bounds[1])]]


def user(page: Page, number: int, until: float, think: float, n: int, took: Any, failed: Any) -> None:
    rng = random.Random(number)
    plane = {"x": "pc1", "y": "pc2"}
    while time.monotonic() < until:
        kind = rng.choices(("decode", "point", "window", "thumbnails"), (7, 1, 1, 1))[0]
        parameters: dict[str, Any] = {
            "decode": {"base": {"kind": "mean"}, "plane": plane, "at": places(rng, [-5, 5]), "stream": f"u{number}"},
            "point": {"row": rng.randrange(n)},
            "window": {"plane": plane, "centre": [0, 0], "half": [1, 1], "stream": f"w{number}"},
            "thumbnails": {"rows": [rng.randrange(n) for _ in range(24)]},
        }[kind]
        start = time.perf_counter()
        try:
            page.call(kind, run="0", **parameters)
            took[kind].append(time.perf_counter() - start)
        except (CallFailedError, OSError) as error:
            failed[str(error)].append(kind)
        time.sleep(rng.expovariate(1 / think))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--think", type=float, default=0.25)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    command = [sys.executable, "-m", "zscope.cli.main", "explore", str(given.run), "--no-browser", "--quiet"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert server.stdout is not None
    try:
        page = Page(server.stdout.readline().strip())
        about = page.call("session")[0]["runs"][0]
        rng = random.Random(0)
        alone = []
        for turn in range(60):
            start = time.perf_counter()
            page.call("decode", run="0", base={"kind": "mean"}, plane={"x": "pc1", "y": "pc2"}, at=places(rng, [-5, 5]))
            if turn >= 10:
                alone.append(1000 * (time.perf_counter() - start))
        took: dict[str, list[float]] = defaultdict(list)
        failed: dict[str, list[str]] = defaultdict(list)
        start = time.monotonic()
        until = start + given.seconds
        people = [
            threading.Thread(target=user, args=(page, number, until, given.think, about["n"], took, failed))
            for number in range(given.users)
        ]
        for one in people:
            one.start()
        grown = []
        for quarter in range(1, 5):
            time.sleep(max(0.0, start + quarter * given.seconds / 4 - time.monotonic()))
            grown.append(memory(server))
        for one in people:
            one.join()
    finally:
        server.terminate()
        server.wait(20)
    if given.json:
        result = {
            "name": "explorer_users",
            "setting": {"run": given.run.name, "users": given.users, "seconds": given.seconds},
            "rounds": 1,
            "ratio": {},
            "quality": {
                "decode_alone_ms": statistics.median(alone),
                "median_ms": {kind: 1000 * statistics.median(row) for kind, row in took.items()},
                "answers": {kind: len(row) for kind, row in took.items()},
                "failed": {kind: len(row) for kind, row in failed.items()},
                "memory_mib": grown,
            },
        }
        print(json.dumps(result))
        return
    shape = "×".join(str(edge) for edge in about["shape"])
    print(f"{given.run.name}: {about['n']:,} codes of {about['d']} dimensions, images {shape}")
    print(f"one user, a decoded place: median {statistics.median(alone):.0f} ms, of {len(alone)}")
    print(f"{given.users} users, {given.seconds:.0f} s:")
    for kind, row in sorted(took.items()):
        late = sorted(row)[int(0.95 * (len(row) - 1))]
        middle = 1000 * statistics.median(row)
        print(f"  {kind:12s}{len(row):6,} answers, median {middle:5.0f} ms, 95 % {1000 * late:5.0f} ms")
    print("  failed: " + (", ".join(f"{kind} {len(row)}" for kind, row in failed.items()) or "none"))
    print("  memory of its own after each quarter: " + ", ".join(f"{one:.0f}" for one in grown) + " MiB")


if __name__ == "__main__":
    main()
