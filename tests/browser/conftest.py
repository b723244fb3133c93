"""A real browser, a server beside it, and a check that nothing went wrong in the page."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zscope.cli.main import run as zscope

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="wants Playwright")
    program = os.environ.get("ZSCOPE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert program is not None, "wants Chromium: make test-browser installs it"
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Two runs of the same digits, an AE with measures, maps and a ladder, and a VAE that was encoded only."""
    folder = tmp_path_factory.mktemp("explorer")
    before = Path.cwd()
    os.chdir(folder)
    try:
        train = ["--epochs", "8", "--limit", "700", "--device", "cpu", "--quiet"]
        assert zscope(["train", "digits", *train, "--z-dim", "6", "--out", "ae"]) == 0
        assert zscope(["measure", "ae", "--draws", "9", "--maps", "--map-draws", "0", "--quiet", "--no-figures"]) == 0
        words = [word for name in ("normal", "covariance") for word in ("--sampler", name)]
        assert zscope(["sample", "ae", "--ladder", *words, "--quiet", "--device", "cpu"]) == 0
        assert (
            zscope(["train", "digits", *train, "--model", "vae", "--z-dim", "4", "--beta", "0.1", "--out", "vae"]) == 0
        )
        assert zscope(["encode", "vae", "--quiet", "--device", "cpu"]) == 0
    finally:
        os.chdir(before)
    return folder


class Server:
    """``zscope explore`` in a process of its own."""

    def __init__(self, home, *arguments):
        command = [sys.executable, "-m", "zscope.cli.main", "explore", *arguments, "--no-browser", "--device", "cpu"]
        self.process = subprocess.Popen(
            command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.process.stderr.read()

    def stop(self):
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        return said


@pytest.fixture(scope="session")
def serve(home):
    servers = []

    def start(*arguments):
        servers.append(Server(home, *arguments))
        return servers[-1].address

    yield start
    said = [server.stop() for server in servers]
    assert not any("Traceback" in text for text in said), said


@pytest.fixture(scope="module")
def ae(serve):
    return serve("ae")


@pytest.fixture(scope="module")
def both(serve):
    return serve("ae", "vae")


@pytest.fixture
def visit(browser):
    """Open a page; in the end there must have been no error in its console and no request to another host."""
    contexts, errors, strangers = [], [], []

    def opened(address, **options):
        context = browser.new_context(viewport={"width": 1280, "height": 720}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))

        def asked(request):
            scheme = request.url.partition(":")[0]
            if scheme not in ("data", "blob") and not request.url.startswith(address.partition("#")[0]):
                strangers.append(request.url)

        page.on("request", asked)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors
    assert not strangers
