"""Freed memory stays with the process inside of `kept_heap`, and goes back to the system after it."""

import json
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource
import torch
from zscope.models.heap import kept_heap

def pages(times=20):
    "Megabytes that the system had to hand out for tensors of 256 MB that are made and freed in turn, 20 times."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.empty(256 << 20, dtype=torch.uint8)[:: resource.getpagesize()] = 1
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() >> 20

found = {"before": pages()}
with kept_heap():
    pages(1)
    with kept_heap():
        found["nested"] = pages()
    found["inside"] = pages()
found["after"] = pages()
try:
    with kept_heap():
        raise ValueError
except ValueError:
    found["after an error"] = pages()
print(json.dumps(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap is told to keep memory")
def test_pages_are_handed_out_once():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if found["before"] < 2560:
        pytest.skip("the system hands out larger pages than it says")
    assert found["nested"] < 512
    assert found["inside"] < 512
    assert found["after"] > 2560
    assert found["after an error"] > 2560
