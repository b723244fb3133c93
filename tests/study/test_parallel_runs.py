"""Runs in several processes: the same results as one after the other, whatever happens to a process on the way."""

import signal

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from zscope.data import prepare
from zscope.errors import ParameterError
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.study import parallel
from zscope.study.one_run import RunTask
from zscope.study.parallel import LEAST_PARALLEL, Plan, do_in_parallel, planned
from zscope.study.spec import Measuring, Sampling, StudySpec
from zscope.study.study import RunsFailed, StudyOptions, run_study
from zscope.study.train import Interrupted
from zscope.training.records import line
from zscope.typing import silent

SPEC = StudySpec.model_validate(
    {
        "name": "pair",
        "source": "digits",
        # Long enough that a busy machine, too, hears of a run at work before it is over.
        "train": {"epochs": 200, "limit": 100, "z_dim": 2, "filters": [4], "strides": [2], "precision": "fp32"},
        "runs": {"ae": {"seeds": 2}},
        "measure": {"draws": 1, "maps": False},
        "sample": {"n": 2, "clouds": ["normal"]},
    }
)
NAMES = ["ae-s0", "ae-s1"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", root=tmp_path_factory.mktemp("store"))


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


def study(store, out, *, jobs=1, lines=lambda name: silent, log=lambda line: None):
    options = StudyOptions(device="cpu", jobs=jobs)
    return run_study(SPEC, "text", store, out, options, lines=lines, log=log)


def tasks(store, out, action="train"):
    return [
        RunTask(name, out / name, "digits", store.path, action, request, Measuring(draws=1, maps=False), SPEC.sample)
        for name, request in SPEC.requests(device="cpu").items()
    ]


def at_second_epoch(act):
    """A progress that acts once the run has a checkpoint."""

    def told(what, done, total, /, **figures):
        if what.startswith("epoch") and int(what.split()[1].partition("/")[0]) > 1:
            act()

    return told


def test_killed_and_stopped_runs_end_as_undisturbed_ones(store, tmp_path, one_thread, monkeypatch):
    at_work = {}

    class Recorded(parallel.Worker):
        def do(self, task, events):
            at_work[task.name] = self.process
            return super().do(task, events)

    monkeypatch.setattr(parallel, "Worker", Recorded)
    study(store, tmp_path / "serial")

    killing = at_second_epoch(lambda: at_work["ae-s1"].kill())
    log = []
    with pytest.raises(RunsFailed) as caught:
        study(
            store, tmp_path / "out", jobs=2, lines=lambda name: killing if name == "ae-s1" else silent, log=log.append
        )
    assert caught.value.failures == {"ae-s1": "its process was killed by signal 9"}
    assert str(caught.value).startswith(
        "1 of 2 runs failed, which the same zscope study tries again: ae-s1 (its process"
    )
    assert [run.name for run in caught.value.payload.runs] == ["ae-s0"]
    assert [line for line in log if line.startswith("ae-s0: total ")]
    assert Run.open(tmp_path / "out" / "ae-s1").state == "training"

    # Whoever ran tests before in this process may have left SIGINT in other hands.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    stopping = at_second_epoch(lambda: signal.raise_signal(signal.SIGINT))
    left = tasks(store, tmp_path / "out", "resume")[1:]
    try:
        with pytest.raises(KeyboardInterrupt):
            do_in_parallel(left, Plan(1, 1), lines=lambda name: stopping, ended=lambda *_: None, log=log.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert Run.open(tmp_path / "out" / "ae-s1").state == "interrupted"
    assert all(process.poll() is not None for process in at_work.values())

    study(store, tmp_path / "out", log=log.append)
    assert any(line.startswith("resumed after epoch") for line in log)
    for name in NAMES:
        same(tmp_path / "serial" / name, tmp_path / "out" / name)


def same(one, other):
    """Whether two run folders hold the same model, losses, codes and measures, bit by bit."""
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (one, other)]
    assert weights[0] == weights[1]
    histories = [
        [{key: value for key, value in record.items() if key != "seconds"} for record in Run.open(folder).metrics()]
        for folder in (one, other)
    ]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(*(Latents.open(folder / "latents").mean() for folder in (one, other)))
    assert (one / "measures.json").read_text() == (other / "measures.json").read_text()


def test_a_failed_run_is_named_and_the_others_go_on(store, tmp_path):
    """A mixture wants 20 codes."""
    shared = {"epochs": 1, "filters": [4], "z_dim": 2, "precision": "fp32"}
    runs, mixture = {"bad": {"limit": 10}, "good": {"limit": 60}}, Sampling(n=2, clouds=("mixture",))
    spec = SPEC.model_copy(update={"train": shared, "runs": runs, "sample": mixture})
    log = []
    with pytest.raises(RunsFailed, match=r"1 of 2 runs failed.*: bad \(") as caught:
        run_study(spec, "text", store, tmp_path / "out", StudyOptions(device="cpu"), log=log.append)
    assert [run.name for run in caught.value.payload.runs] == ["good"]
    assert any(line.startswith("bad failed: ") for line in log)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"model": "vae", "prior": "vamp:inputs=0"},
            r"runs\.bad\.prior vamp: inputs must be greater than or equal to 1, got 0",
        ),
        ({"regularisers": "kl"}, r"runs\.bad\.regularisers? must"),
        ({"ema": 0.9, "spectral_norm": True}, r"runs\.bad\.ema must be left out with spectral_norm"),
        ({"kernel": 4}, r"runs\.bad\.kernel must be odd, got 4"),
        ({"strides": [2, 2]}, r"runs\.bad\.strides must have one entry for each of the 1 filters"),
    ],
)
def test_a_model_that_cannot_be_is_refused_before_the_first_run_begins(store, tmp_path, wrong, message):
    shared = {"epochs": 1, "filters": [4], "z_dim": 2}
    spec = SPEC.model_copy(update={"train": shared, "runs": {"good": {}, "bad": wrong}})
    with pytest.raises(ParameterError, match=message):
        run_study(spec, "text", store, tmp_path / "out", StudyOptions(device="cpu"), log=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_in_processes_is_one_line_that_says_how_to_go_on(store, tmp_path, monkeypatch):
    def stopped(tasks, plan, **others):
        raise KeyboardInterrupt

    monkeypatch.setattr("zscope.study.study.do_in_parallel", stopped)
    with pytest.raises(Interrupted, match="stopped; 0 of 2 runs are done, the same zscope study goes on"):
        study(store, tmp_path / "out", jobs=2)


def test_a_task_goes_to_another_process_and_back(store, tmp_path):
    for task in tasks(store, tmp_path):
        assert RunTask.from_json(task.as_json()) == task


def test_how_many_processes(store, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "available_cores", lambda: 6)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    small = tasks(store, tmp_path) * LEAST_PARALLEL
    assert planned(small, store, "digits", None) == Plan(6, 1)
    assert planned(small[:LEAST_PARALLEL], store, "digits", None) == Plan(LEAST_PARALLEL, 1)
    assert planned(small[: LEAST_PARALLEL - 1], store, "digits", None) == Plan(1, 6)
    assert planned(small, store, "digits", 2) == Plan(2, 3)
    assert planned(small, store, "digits", 100) == Plan(len(small), 1)
    assert planned([], store, "digits", 4) == Plan(1, 6)
    monkeypatch.setattr(parallel, "SMALL_WORK", 1)
    assert planned(small, store, "digits", None) == Plan(1, 6)


def test_lines_of_runs_are_passed_on_by_name_but_for_epochs(store, tmp_path, monkeypatch):
    """A warning and a rescue must be seen; the line is the one that the training writes."""
    record = {"epoch": 1, "step": 6, "split": "train", "total": 1.0, "reconstruction": 1.0, "kl": 0.0}
    epoch = line(SPEC.requests(device="cpu")["ae-s0"].resolve_model(store.shape), [record], 40)

    class Talking:
        alive = True

        def __init__(self, place, plan):
            pass

        def do(self, task, events):
            for text in ("no samplers are scored: too few codes", epoch):
                events.put(parallel.Event(task, "log", {"kind": "log", "line": text}))
            return ""

        def close(self):
            pass

    monkeypatch.setattr(parallel, "Worker", Talking)
    log = []
    do_in_parallel(tasks(store, tmp_path), Plan(1, 1), lines=lambda name: silent, ended=lambda *_: None, log=log.append)
    assert log == [f"{name}: no samplers are scored: too few codes" for name in NAMES]


def test_samplers_are_checked_before_any_work(store, tmp_path):
    spec = SPEC.model_copy(update={"sample": Sampling(ladder=("nope",))})
    with pytest.raises(ParameterError, match="nope"):
        run_study(spec, "text", store, tmp_path / "out", StudyOptions(device="cpu"), log=lambda line: None)
    assert not (tmp_path / "out").exists()
