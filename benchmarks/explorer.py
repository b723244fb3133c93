"""How long a frame of the explorer's plane takes, in headless Chromium without a GPU.

    python benchmarks/explorer.py [--points 200000 …] [--mode density …] [--colour none …] [--select] [--frames 90]
                                  [--rounds 3] [--browser /usr/bin/chromium] [--json]

The view pans in a circle while it zooms in forty times and out again; every frame draws every point. "drawing" is the
plane's own time for a frame, "frame" the time from one frame to the next without the limit of the screen's rate, so
with the browser's own work. The targets: 40 ms for 200,000 points and 120 ms for 1,000,000, at 1280 × 720.
"""

import argparse
import functools
import http.server
import json
import shutil
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {200_000: 40.0, 1_000_000: 120.0}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-frame-rate-limit", "--disable-gpu-vsync"]


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """Serve the repository on a free port of this machine and give the address of the page."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_QuietHandler, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/benchmarks/explorer/frames.html"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def opened(address: str, browser: str) -> Iterator[Any]:
    """Open the page in a headless browser that draws without a GPU."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        page = running.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}?points=1000")
        page.wait_for_function("window.measure !== undefined")
        yield page
        running.close()


def measured(page: Any, setting: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Times of one setting, all rounds together."""
    taken: dict[str, list[float]] = {"draw": [], "frame": [], "inView": []}
    for _ in range(rounds):
        for name, values in page.evaluate("setting => measure(setting)", setting).items():
            taken[name] += values
    target = TARGETS.get(setting["count"])
    median = statistics.median(taken["frame"])
    return {
        "name": "explorer frames",
        "setting": {**setting, "width": 1280, "height": 720},
        "rounds": rounds,
        "ratio": {} if target is None else {"target": median / target},
        "milliseconds": {
            "drawing": {"median": statistics.median(taken["draw"]), "90 %": share(taken["draw"])},
            "frame": {"median": median, "90 %": share(taken["frame"])},
        },
        "quality": {"points in view": {"least": min(taken["inView"]), "most": max(taken["inView"])}},
    }


def share(values: list[float]) -> float:
    """Value that 90 % of the values stay within."""
    return statistics.quantiles(values, n=10, method="inclusive")[-1]


def row(result: dict[str, Any]) -> str:
    setting, times = result["setting"], result["milliseconds"]
    told = [f"{times[part][figure]:7.1f}" for part in ("drawing", "frame") for figure in ("median", "90 %")]
    target = TARGETS.get(setting["count"])
    says = "" if target is None else f"  {'under' if times['frame']['90 %'] < target else 'OVER'} {target:.0f} ms"
    chosen = ", selection" if setting["select"] else ""
    return f"{setting['count']:9,d}  {setting['mode']:8s} {setting['colour'] + chosen:20s} {' '.join(told)}{says}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, action="append")
    parser.add_argument("--mode", choices=["density", "points"], action="append")
    parser.add_argument("--colour", choices=["none", "category", "number"], action="append")
    parser.add_argument("--select", action="store_true", help="with a tenth of the points selected")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", default=shutil.which("chromium"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        sys.exit("The frame times need Playwright's Python package: pip install playwright (no browser of its own).")
    if arguments.browser is None:
        sys.exit("The frame times need Chromium: install Debian's package chromium, or name one with --browser.")
    if not arguments.json:
        print(
            f"{'points':>9s}  {'mode':8s} {'colour':20s} {'drawing':>7s} {'90 %':>7s} {'frame':>7s} {'90 %':>7s}  (ms)"
        )
    with served() as address, opened(address, arguments.browser) as page:
        for count in arguments.points or TARGETS:
            for mode in arguments.mode or ["density", "points"]:
                for colour in arguments.colour or ["none", "category"]:
                    setting = {"count": count, "mode": mode, "colour": colour, "select": arguments.select}
                    result = measured(page, {**setting, "frames": arguments.frames}, arguments.rounds)
                    print(json.dumps(result) if arguments.json else row(result), flush=True)


if __name__ == "__main__":
    main()
