"""The explorer in a real browser: what a person does, and what must then be there."""

import base64
import re
import threading
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import zscope as zscope_package
from zscope.cli.main import run as zscope

pytestmark = pytest.mark.browser

PLOT = ".zs-pane .plane-points"


def inked(page, selector=PLOT):
    """Share of a canvas' pixels that are not as its first one: 0 of a blank canvas."""
    return page.eval_on_selector(
        selector,
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let inked = 0;
          for (let at = 0; at < data.length; at += 4)
            inked += [0, 1, 2, 3].some((part) => data[at + part] !== data[part]);
          return inked / (data.length / 4);
        }""",
    )


def ready(page, selector=PLOT):
    page.wait_for_selector(selector)
    page.wait_for_function("() => !document.querySelector('.zs-loading, .zs-busy:not([hidden])')")
    page.wait_for_function("() => /in view/.test(document.querySelector('.plane-status')?.textContent)")


def in_view(page):
    return int(re.match(r"([\d,]+) of", page.text_content(".plane-status"))[1].replace(",", ""))


def place(page, across=0.5, up=0.5):
    """A place of the plot in the page, by shares of its width and height."""
    box = page.locator(PLOT).first.bounding_box()
    return box["x"] + across * box["width"], box["y"] + up * box["height"]


IMAGE = ".zs-side canvas.zs-image:visible"


def shown(page):
    """Pixels of the first image of the side panel."""
    image = page.locator(IMAGE).first
    image.wait_for()
    return image.evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]")


def test_it_opens_with_all_codes(ae, visit):
    page = visit(ae)
    ready(page)
    assert in_view(page) == 700
    assert inked(page) > 0.001
    assert page.title()
    assert page.locator("h1").text_content() == "ae"
    labels = page.locator("button:not([aria-label])").all_text_contents()
    assert all(label.strip() for label in labels), "every button has a name"


def test_zoom_keeps_the_place_under_the_pointer_and_goes_deep(ae, visit):
    page = visit(ae)
    ready(page)
    page.mouse.move(*place(page))
    for _ in range(5):
        page.mouse.wheel(0, -400)
    page.wait_for_timeout(600)
    assert in_view(page) < 700
    for _ in range(60):
        page.mouse.wheel(0, -400)
    page.wait_for_function("() => /spacing/.test(document.querySelector('.plane-note')?.textContent)")
    assert in_view(page) <= 1
    page.keyboard.press("0")
    page.wait_for_function("() => /^700 of/.test(document.querySelector('.plane-status')?.textContent)")


def test_every_suggested_plane_and_map_is_drawn(ae, visit):
    page = visit(ae)
    ready(page)
    options = page.locator(".zs-planes option")
    values = [options.nth(at).get_attribute("value") for at in range(options.count())]
    assert any("tsne" in (value or "") for value in values) or options.count() > 3
    for value in filter(None, values):
        page.select_option(".zs-planes", value)
        ready(page)
        assert inked(page) > 0.0005, value


def test_a_point_shows_what_lies_behind_it(ae, visit):
    page = visit(ae)
    ready(page)
    page.select_option(".zs-planes", index=0)
    page.keyboard.press("Escape")
    page.mouse.click(*place(page))
    page.wait_for_selector("[data-tab=point][aria-selected=true]")
    assert len(set(shown(page))) > 2, "an image, and not one colour"
    assert page.locator(IMAGE).count() >= 12, "its reconstruction and its neighbours"


def test_an_empty_place_is_decoded_and_dragging_goes_on(ae, visit):
    page = visit(ae)
    ready(page)
    page.mouse.click(*place(page, 0.12, 0.9))
    page.wait_for_function("() => /mean of the training codes/.test(document.querySelector('.zs-side').textContent)")
    before = shown(page)
    page.keyboard.press("d")
    page.mouse.move(*place(page, 0.3, 0.3))
    page.mouse.down()
    for step in range(12):
        page.mouse.move(*place(page, 0.3 + 0.04 * step, 0.3))
        page.wait_for_timeout(40)
    page.mouse.up()
    page.wait_for_timeout(800)
    assert shown(page) != before


def test_the_null_is_one_key_away_and_marked(ae, visit):
    page = visit(ae)
    ready(page)
    codes = page.locator(PLOT).screenshot()
    page.focus(PLOT)
    page.keyboard.press("n")
    page.wait_for_selector(".plane-banner:not([hidden])")
    assert "NULL" in page.text_content(".plane-banner")
    assert page.locator(PLOT).screenshot() != codes
    page.keyboard.press("n")
    page.wait_for_selector(".plane-banner", state="hidden")


def test_a_lineup_can_be_guessed(ae, visit):
    page = visit(ae)
    ready(page)
    page.keyboard.press("l")
    page.wait_for_selector("dialog .zs-lineup button")
    panels = page.locator("dialog .zs-lineup button")
    assert panels.count() == 20
    panels.nth(7).click()
    page.wait_for_function("() => /by chance alone/.test(document.querySelector('dialog').textContent)")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_the_window_has_its_statistics(ae, visit):
    page = visit(ae)
    ready(page)
    page.wait_for_function("() => /p 0|p 1/.test(document.querySelector('.zs-window-cells').textContent)")
    assert "99 windows of independent points" in page.text_content(".zs-window-says")


def lasso(page):
    page.keyboard.press("s")
    page.mouse.move(*place(page, 0.4, 0.3))
    page.mouse.down()
    for corner in ((0.6, 0.3), (0.6, 0.7), (0.4, 0.7), (0.4, 0.35)):
        page.mouse.move(*place(page, *corner), steps=4)
    page.mouse.up()
    page.wait_for_selector("[data-tab=set][aria-selected=true]")
    ready(page)
    return int(re.search(r"([\d,]+) points?", page.text_content(".zs-side h2, .zs-side h3"))[1].replace(",", ""))


@pytest.mark.parametrize("format", ["CSV", "Parquet", ".npy"])
def test_a_lasso_is_exported(ae, visit, tmp_path, format):
    page = visit(ae, accept_downloads=True)
    ready(page)
    count = lasso(page)
    assert 0 < count < 700
    with page.expect_download() as download:
        page.get_by_role("button", name=format, exact=True).click()
    path = tmp_path / Path(download.value.suggested_filename).name
    download.value.save_as(path)
    read = {"CSV": pyarrow.csv.read_csv, "Parquet": pyarrow.parquet.read_table, ".npy": np.load}
    assert len(read[format](path)) == count


def test_a_set_is_compared_with_the_rest(ae, visit):
    page = visit(ae)
    ready(page)
    lasso(page)
    page.get_by_role("button", name=re.compile("compare", re.IGNORECASE)).click()
    page.wait_for_selector(".zs-side table")
    assert "p-value" in page.text_content(".zs-side")


def test_samplers_and_sliders_and_paths(ae, visit):
    page = visit(ae)
    ready(page)
    page.click("[data-tab=samplers]")
    page.get_by_role("button", name="Draw", exact=True).click()
    page.locator(".zs-side .zs-sheet canvas:visible").nth(63).wait_for()
    page.click("[data-tab=sliders]")
    slider = page.locator(".zs-slider input").first
    slider.focus()
    before = shown(page)
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)
    assert shown(page) != before
    page.mouse.click(*place(page, 0.5, 0.5))
    page.get_by_role("button", name="From here").click()
    page.click("[data-tab=point]")
    page.locator(".zs-neighbours canvas:visible").first.click()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="To here").click()
    page.click("[data-tab=path]")
    page.locator(".zs-side .zs-strip canvas:visible").nth(11).wait_for()


def test_two_runs_are_linked(both, visit):
    page = visit(both)
    ready(page)
    page.get_by_role("button", name="Second run").click()
    page.wait_for_function("() => document.querySelectorAll('.zs-pane').length === 2")
    ready(page)
    count = lasso(page)
    page.wait_for_timeout(500)
    said = page.locator(".zs-pane .plane-status").all_text_contents()
    assert len(said) == 2
    assert all(f"{count:,} selected" in one for one in said)


def test_codes_without_a_decoder(serve, visit, home):
    rng = np.random.default_rng(0)
    np.save(home / "own.npy", rng.standard_normal((500, 5)).astype(np.float32))
    np.save(home / "thumbs.npy", rng.integers(0, 256, (500, 8, 8), dtype=np.uint8))
    page = visit(serve("own.npy", "--images", "thumbs.npy"))
    ready(page)
    assert in_view(page) == 500
    page.mouse.click(*place(page))
    page.locator(IMAGE).first.wait_for()
    page.click("[data-tab=sliders]")
    page.wait_for_function("() => /no decoder/.test(document.querySelector('.zs-side').textContent)")


def test_light_and_dark_and_what_is_shown_survives_a_reload(ae, visit):
    page = visit(ae)
    ready(page)
    page.select_option(".zs-planes", index=1)
    ready(page)
    page.get_by_role("button", name="Light or dark").click()
    theme = page.get_attribute(".zs-explorer", "data-theme")
    assert theme in ("light", "dark")
    axes = [page.locator(".zs-axis input").nth(at).input_value() for at in (0, 1)]
    page.wait_for_timeout(600)
    page.reload()
    ready(page)
    assert [page.locator(".zs-axis input").nth(at).input_value() for at in (0, 1)] == axes
    assert page.get_attribute(".zs-explorer", "data-theme") == theme


def test_it_needs_no_scrolling_at_1280_by_720(ae, visit):
    page = visit(ae)
    ready(page)
    assert page.evaluate("document.documentElement.scrollHeight") <= 720
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_report_zooms_offline(home, visit, monkeypatch):
    monkeypatch.chdir(home)
    assert zscope(["report", "ae", "--quiet", "--out", "page", "--force"]) == 0
    page = visit((home / "page" / "report.html").as_uri())
    page.get_by_role("button", name=re.compile("Zoom into the planes")).click()
    page.wait_for_selector(".zs-embedded .plane-points")
    page.wait_for_timeout(500)
    assert inked(page, ".zs-embedded .plane-points") > 0.001
    page.locator(".zs-embedded").get_by_role("button", name="Null").click()
    page.wait_for_selector(".zs-embedded .plane-banner:not([hidden])")


def test_the_widget_of_a_notebook_draws_what_its_kernel_answers(browser, home):
    """The widget's module in a page of its own; a model of anywidget's kind hands calls to Python and back."""
    widget = zscope_package.explore(home / "ae", height=600)
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))

    def kernel(message):
        # In a thread of its own, since Playwright's own loop runs in this one and would have to be waited for.
        thread = threading.Thread(target=widget._called, args=(widget, message, []))
        thread.start()
        thread.join(30)
        content, buffers = sent.pop()
        return {"content": content, "envelope": base64.b64encode(buffers[0]).decode() if buffers else None}

    context = browser.new_context(viewport={"width": 1100, "height": 700})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.expose_function("kernel", kernel)
    page.set_content("<div id='cell'></div>")
    page.add_style_tag(content=widget._css)
    page.evaluate(
        """async (text) => {
          const { default: widget } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
          const listeners = [];
          const model = {
            get: () => 600,
            on: (_, listener) => listeners.push(listener),
            send: async (message) => {
              const { content, envelope } = await window.kernel(message);
              // A notebook's views begin anywhere in a larger buffer.
              const bytes = envelope && Uint8Array.from("---" + atob(envelope), (letter) => letter.charCodeAt(0));
              listeners.forEach((listener) => listener(content, bytes ? [new DataView(bytes.buffer, 3)] : []));
            },
          };
          widget.render({ model, el: document.getElementById("cell") });
        }""",
        widget._esm,
    )
    ready(page)
    assert in_view(page) == 700
    assert inked(page) > 0.001
    context.close()
    widget.close()
    assert not errors
