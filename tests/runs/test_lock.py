"""The lock of a folder: one holder at a time, and none after its process has ended."""

import os
import signal
import subprocess
import sys

import pytest

from zscope.errors import TrainingError
from zscope.runs.lock import locked


def test_one_holds_it_at_a_time(tmp_path):
    with locked(tmp_path / "run"):
        with (
            pytest.raises(TrainingError, match="run is being trained by another process"),
            locked(tmp_path / "other" / ".." / "run"),
        ):
            pytest.fail("the lock is held")
        with locked(tmp_path / "another"):
            pass
    with locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_it_ends_with_a_killed_process(tmp_path):
    code = (
        "import sys, time, pathlib; from zscope.runs.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(TrainingError), locked(tmp_path / "run"):
            pytest.fail("the lock is held")
        process.send_signal(signal.SIGKILL)
    with locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []
