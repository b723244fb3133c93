"""The explorer in a notebook answers what the page asks over the kernel's channel."""

import asyncio

import numpy as np
import pytest

import zscope
from zscope.errors import FormatError
from zscope.explorer.envelope import unpacked


@pytest.fixture
def widget(tmp_path):
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).standard_normal((300, 3)).astype(np.float32))
    opened = zscope.explore(tmp_path / "codes.npy", height=500)
    sent = []
    opened.send = lambda content, buffers=None: sent.append((content, buffers))
    yield opened, sent
    opened.close()


def test_calls_are_answered_by_their_numbers(widget, tmp_path):
    opened, sent = widget
    opened._called(opened, {"call": 7, "name": "column", "parameters": {"run": "0", "name": "axis1"}}, [])
    opened._called(opened, {"call": 8, "name": "column", "parameters": {"run": "0", "name": "axis3"}}, [])
    opened._called(opened, {"call": 9}, [])
    (first, envelopes), (second, _), (third, _) = sent
    assert first == {"call": 7}
    np.testing.assert_array_equal(unpacked(envelopes[0])[1]["values"], np.load(tmp_path / "codes.npy")[:, 1])
    assert second["call"] == 8
    assert second["error"]["kind"] == "parameter"
    assert "axis0 to axis2" in second["error"]["says"]
    assert "call must be one of session" in third["error"]["says"]


def test_the_module_is_whole(widget):
    opened, _ = widget
    assert "mountExplorer" in opened._esm
    assert opened._esm.rstrip().endswith("export default { render };")
    assert opened.height == 500


def test_what_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(FormatError, match=r"none\.npy"):
        zscope.explore(tmp_path / "none.npy")


def test_a_kernel_goes_on_while_a_call_waits(widget):
    opened, sent = widget

    async def kernel():
        for number, name in enumerate(("axis0", "axis9")):
            opened._called(opened, {"call": number, "name": "column", "parameters": {"run": "0", "name": name}}, [])
        before = len(sent)
        while len(sent) < 2:
            await asyncio.sleep(0.01)
        return before

    assert asyncio.run(asyncio.wait_for(kernel(), 30)) == 0
    assert {content["call"]: "error" in content for content, _ in sent} == {0: False, 1: True}
