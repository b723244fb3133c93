"""Make the explorer's pictures of this documentation: `python docs/screenshots.py RUN RUN`.

Two runs of the same images, the first with a ladder; the pictures go to docs/images. Wants Playwright and Chromium, as
the tests in a browser do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 720}


def settled(page: Page, seconds: float = 1.5) -> None:
    page.wait_for_function("() => !document.querySelector('.zs-loading, .zs-busy:not([hidden])')", timeout=60_000)
    page.wait_for_timeout(1000 * seconds)


def at(page: Page, across: float, up: float) -> tuple[float, float]:
    box = page.locator(".plane-points").first.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + up * box["height"]


def picture(page: Page, name: str) -> None:
    path = IMAGES / f"explorer-{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)
    print(path)


def main() -> None:
    command = [sys.executable, "-m", "zscope.cli.main", "explore", *sys.argv[1:], "--no-browser", "--quiet"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    program = os.environ.get("ZSCOPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport=SIZE)
            page.goto(address)
            page.wait_for_selector(".plane-points")
            settled(page, 4)
            page.mouse.click(*at(page, 0.5, 0.55))
            settled(page, 3)
            picture(page, "point")
            page.keyboard.press("l")
            page.wait_for_selector("dialog .zs-lineup button")
            settled(page)
            picture(page, "lineup")
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Meaningful").click()
            settled(page, 3)
            page.mouse.click(*at(page, 0.68, 0.93))
            settled(page, 2)
            picture(page, "place")
            page.get_by_role("button", name="Meaningful").click()
            page.keyboard.press("s")
            page.mouse.move(*at(page, 0.6, 0.25))
            page.mouse.down()
            for corner in ((0.72, 0.25), (0.75, 0.6), (0.68, 0.8), (0.62, 0.4)):
                page.mouse.move(*at(page, *corner), steps=6)
            page.mouse.up()
            page.get_by_role("button", name="Second run").click()
            settled(page, 5)
            picture(page, "two-runs")
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
