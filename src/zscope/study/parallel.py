"""Runs of a study in several processes: how many, on what, and what to do when one of them ends."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, cast

import torch

from zscope.models.autoencoder import Autoencoder
from zscope.models.config import ModelConfig
from zscope.runs.store import ImageStore
from zscope.study.one_run import RunTask
from zscope.study.worker import THREADS
from zscope.training.devices import SMALL_WORK, resolve_device
from zscope.typing import Progress

LEAST_PARALLEL = 4
"""Runs to be done from which on ``auto`` starts processes, each of which takes seconds to load its libraries."""

PER_GPU = 4
"""Processes that share a GPU where the models are small; larger ones have it for themselves."""

EPOCH = "epoch "
"""Beginning of the lines about epochs, which are not passed on: a log of many runs would hold nothing else."""

ENDED = "ended"
"""What a run's progress is told last."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", THREADS)

Log = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How runs are spread over processes.

    Attributes
    ----------
    jobs : int
        Processes at a time; 1: all runs are done in this one.
    threads : int
        Threads of each.
    gpus : int
        GPUs, which the processes take in turn; 0: none is used.
    """

    jobs: int
    threads: int
    gpus: int = 0


def planned(tasks: Sequence[RunTask], store: ImageStore, preset: str | None, jobs: int | None) -> Plan:
    """Choose the number of processes.

    By itself it takes one process a core where the steps of all models are small enough for one thread
    (`zscope.training.devices.SMALL_WORK`), and one where they are not, since its threads then share a step. With CUDA
    it takes one process a GPU, or `PER_GPU` for small models.

    Parameters
    ----------
    tasks : sequence of RunTask
        What is to be done.
    store : ImageStore
        The images.
    preset : str or None
        The preset of their source.
    jobs : int or None
        At least 1; None chooses.
    """
    cores = available_cores()
    kinds = {resolve_device(task.request.device).type for task in tasks}
    gpus = torch.cuda.device_count() if kinds == {"cuda"} else 0
    if jobs is None:
        small = len(tasks) >= LEAST_PARALLEL and all(_small(task, store, preset) for task in tasks)
        most = gpus * (PER_GPU if small else 1) if gpus else cores if small and kinds == {"cpu"} else 1
        jobs = min(cores, most) if len(tasks) >= LEAST_PARALLEL else 1
    jobs = max(1, min(jobs, len(tasks)))
    return Plan(jobs, max(1, cores // jobs), gpus)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _small(task: RunTask, store: ImageStore, preset: str | None) -> bool:
    """Whether a step of a model is small enough for one thread."""
    model = task.request.resolve_model(store.shape, preset)
    return parameters_of(model) * task.request.resolve_training(store.shape, preset).batch < SMALL_WORK


def parameters_of(config: ModelConfig) -> int:
    """Count the parameters of a model."""
    with torch.random.fork_rng(devices=[]):
        return Autoencoder(config).parameter_count


@dataclass(frozen=True)
class Event:
    """What a process tells of a task: see `zscope.study.worker`; and that it has ended, or cannot be started."""

    task: RunTask
    kind: str
    content: dict[str, Any]


class Worker:
    """A process that does one task after the other (`zscope.study.worker`).

    Parameters
    ----------
    place : int
        Its number, which chooses its GPU.
    plan : Plan
        Threads and GPUs.
    """

    def __init__(self, place: int, plan: Plan) -> None:
        own = dict.fromkeys(_THREADS, str(plan.threads))
        if plan.gpus > 1:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
            visible = visible if len(visible) == plan.gpus else [str(gpu) for gpu in range(plan.gpus)]
            own["CUDA_VISIBLE_DEVICES"] = visible[place % plan.gpus]
        self._errors: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with the process
        # In a session of its own: Ctrl-C reaches this process alone, which asks the others to stop, once.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zscope.study.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **own},
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._tasks, self._events = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)

    def do(self, task: RunTask, events: queue.Queue[Event]) -> str:
        """Do a task and pass on what is told of it.

        Returns
        -------
        str
            Empty when it is done, ``stopped``, or why it failed.
        """
        try:
            self._tasks.write(json.dumps(task.as_json()) + "\n")
            self._tasks.flush()
        except OSError:
            return self._ended()
        for line in self._events:
            event = json.loads(line)
            if event["kind"] == "done":
                return ""
            if event["kind"] in ("failed", "stopped"):
                return str(event.get("why", "stopped"))
            events.put(Event(task, event["kind"], event))
        return self._ended()

    @property
    def alive(self) -> bool:
        """Whether it can take another task."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Let it finish and save the step at hand; a task that is not in training ends at once."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Wait for its end; it has no more tasks."""
        with suppress(BrokenPipeError):
            self._tasks.close()
        self.process.wait()
        self._events.close()
        self._errors.close()

    def _ended(self) -> str:
        code = self.process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"its process {how}{f' ({said[-1]})' if said else ''}"


def do_in_parallel(
    tasks: Sequence[RunTask],
    plan: Plan,
    *,
    lines: Callable[[str], Progress],
    ended: Callable[[RunTask, str], None],
    log: Log,
) -> None:
    """Do tasks in several processes.

    Parameters
    ----------
    tasks : sequence of RunTask
        Started in this order.
    plan : Plan
        How many at a time.
    lines : callable
        Gives the progress of a run by its name.
    ended : callable
        Told of every run that has ended, in the order of their ends, with why it failed or an empty text.
    log : callable
        Takes lines for people: those of runs, but for `EPOCH`, begin with their names.

    Raises
    ------
    KeyboardInterrupt
        The user stopped it. Every process has then finished its step and saved it; the same tasks go on.
    """
    events: queue.Queue[Event] = queue.Queue()
    waiting: queue.SimpleQueue[RunTask] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    workers: dict[int, Worker] = {}
    stopping = threading.Event()
    feeders = [
        threading.Thread(target=_feed, args=(place, plan, waiting, workers, stopping, events), daemon=True)
        for place in range(plan.jobs)
    ]
    for feeder in feeders:
        feeder.start()
    progress: Mapping[str, Progress] = {task.name: lines(task.name) for task in tasks}
    left = len(tasks)
    try:
        while left:
            event = events.get()
            if event.kind == ENDED:
                left -= 1
                progress[event.task.name](ENDED, 1, 1)
                ended(event.task, event.content["why"])
            elif event.kind == "progress":
                told = event.content
                progress[event.task.name](told["what"], told["done"], told["total"], **told["figures"])
            elif event.kind == "log" and not event.content["line"].startswith(EPOCH):
                log(f"{event.task.name}: {event.content['line']}")
            elif event.kind == "broken":
                raise event.content["error"]
    except BaseException:
        stopping.set()
        log("stopping: every run finishes its step and saves it (Ctrl-C again ends them at once)")
        _stop(feeders, workers)
        raise
    for feeder in feeders:
        feeder.join()


def _stop(feeders: Sequence[threading.Thread], workers: Mapping[int, Worker]) -> None:
    """Ask every process once, also one that starts meanwhile, and wait; a second Ctrl-C ends them at once."""
    asked: set[int] = set()
    try:
        while any(feeder.is_alive() for feeder in feeders):
            for worker in list(workers.values()):
                if worker.process.pid not in asked:
                    asked.add(worker.process.pid)
                    worker.ask_to_stop()
            for feeder in feeders:
                feeder.join(0.1)
    except KeyboardInterrupt:
        for worker in list(workers.values()):
            worker.process.kill()


def _feed(
    place: int,
    plan: Plan,
    waiting: queue.SimpleQueue[RunTask],
    workers: dict[int, Worker],
    stopping: threading.Event,
    events: queue.Queue[Event],
) -> None:
    """Give one process task after task; one that has ended is replaced, so that the other runs go on."""
    worker: Worker | None = None
    try:
        while not stopping.is_set():
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                break
            if worker is None or not worker.alive:
                if worker is not None:
                    worker.close()
                worker = workers[place] = Worker(place, plan)
            why = worker.do(task, events)
            if why != "stopped" or not stopping.is_set():
                events.put(Event(task, ENDED, {"why": why}))
    except Exception as error:  # raised again where the events are read: a thread's own would only be printed
        events.put(Event(task, "broken", {"error": error}))
    finally:
        if worker is not None:
            worker.close()
