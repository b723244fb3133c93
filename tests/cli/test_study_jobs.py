"""``zscope study --jobs``: what is read, and a line for each run at work."""

import io

import pytest
from rich.console import Console

from zscope.cli.common import Output
from zscope.cli.runs_bar import RunsBar
from zscope.cli.study import jobs_of
from zscope.errors import ParameterError
from zscope.study.parallel import ENDED


def test_jobs_are_a_number_or_chosen():
    assert jobs_of("auto") is None
    assert jobs_of("3") == 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_other_jobs_are_refused(text):
    with pytest.raises(ParameterError, match="--jobs must be auto or a whole number of at least 1, got"):
        jobs_of(text)


def test_every_run_at_work_has_a_line_until_it_ends():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with RunsBar(Output(console=console)) as bars:
        lines = {name: bars.line(name) for name in ("vae-fact0.1-s0", "vae-fact5-s0")}
        lines["vae-fact0.1-s0"]("epoch 2/3", 5, 10, total=12.3456, kl=1.0)
        lines["vae-fact5-s0"]("measuring", 1, 4)
        shown = [(task.fields["run"], task.description, task.fields["figures"]) for task in bars._rich.tasks]
        assert shown == [("vae-fact0.1-s0", "epoch 2/3", "total 12.35"), ("vae-fact5-s0", "measuring", "")]
        lines["vae-fact5-s0"](ENDED, 1, 1)
        assert [task.fields["run"] for task in bars._rich.tasks] == ["vae-fact0.1-s0"]
