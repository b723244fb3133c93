"""Out of memory: one line says which batch would fit, and that batch gives the same steps."""

import re

import pytest
import torch

from zscope.errors import TrainingError
from zscope.study.train import train
from zscope.training.memory import fitting_batch, out_of_memory, smaller_batches
from zscope.training.steps import Stepper

CPU = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"

ONEDNN = "could not create a primitive"


@pytest.fixture
def memory_for(monkeypatch):
    """Let a forward pass fail above so many images."""

    real = Stepper._losses

    def limit(images, error):
        def losses(self, part, *, again):
            if len(part.images) > images:
                raise error
            return real(self, part, again=again)

        monkeypatch.setattr(Stepper, "_losses", losses)

    return limit


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(CPU), RuntimeError(ONEDNN), MemoryError()]
)
def test_says_which_batch_would_fit(tmp_path, train_digits, memory_for, error):
    memory_for(10, error)
    with pytest.raises(TrainingError) as caught:
        train_digits(tmp_path / "run", batch=48)
    expected = "out of memory with --batch 48; batch 6 would fit: --batch 6 --accumulate 8 gives the same steps"
    assert str(caught.value) == expected
    assert not (tmp_path / "run").exists()


def test_what_it_says_is_so(tmp_path, train_digits, memory_for):
    whole = train_digits(tmp_path / "whole", batch=48)
    memory_for(12, MemoryError())
    with pytest.raises(TrainingError) as caught:
        train_digits(tmp_path / "run", batch=48)
    batch, accumulate = map(int, re.search(r"--batch (\d+) --accumulate (\d+)", str(caught.value)).groups())
    # The memory is no larger than a batch, and the held-out images that are measured at a time are more.
    parts = train_digits(tmp_path / "run", batch=batch, accumulate=accumulate)
    for first, second in zip(whole.metrics(), parts.metrics(), strict=True):
        assert second["total"] == pytest.approx(first["total"], rel=1e-5)


def test_held_out_images_are_measured_as_many_at_a_time_as_fit(digits, request_of, memory_for, tmp_path):
    lines = []
    whole = train(request_of(batch=8, epochs=2), "digits", digits, out=tmp_path / "whole", log=lines.append)
    assert not any("memory" in line for line in lines)
    memory_for(8, MemoryError())
    parts = train(request_of(batch=8, epochs=2), "digits", digits, out=tmp_path / "parts", log=lines.append)
    said = "memory does not hold 256 held-out images at a time: they are measured 8 at a time"
    assert lines.count(said) == 1
    for first, second in zip(whole.metrics(), parts.metrics(), strict=True):
        assert second["total"] == pytest.approx(first["total"], rel=1e-6)  # with the same noise


@pytest.mark.parametrize("changes", [{"regularisers": "mmd"}, {"prior": "vamp:inputs=3"}])
def test_what_may_need_much_memory_is_measured_in_batches(tmp_path, train_digits, memory_for, changes):
    memory_for(8, RuntimeError("more images than in a batch"))
    assert train_digits(tmp_path / "run", batch=8, epochs=1, **changes).state == "finished"


def test_a_penalty_on_the_batch_is_not_the_same_in_parts(tmp_path, train_digits, memory_for):
    memory_for(20, MemoryError())
    with pytest.raises(TrainingError, match="--batch 16 --accumulate 2 takes as many images a step"):
        train_digits(tmp_path / "run", model="ae", regularisers="mmd")


def test_not_even_one_image(tmp_path, train_digits, memory_for):
    memory_for(0, MemoryError())
    with pytest.raises(TrainingError, match="out of memory with --batch 32, and even one image does not fit"):
        train_digits(tmp_path / "run")


def test_what_may_be_memory_and_fails_with_one_image_too_is_told_as_it_is(tmp_path, train_digits, memory_for):
    memory_for(0, RuntimeError(ONEDNN))
    with pytest.raises(TrainingError, match=f"a step fails with --batch 32, and with one image too: {ONEDNN}"):
        train_digits(tmp_path / "run")


def test_other_errors_are_not_taken_for_it(tmp_path, train_digits, memory_for):
    memory_for(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train_digits(tmp_path / "run")
    assert not out_of_memory(ValueError("not enough memory"))


@pytest.mark.parametrize(("batch", "sizes"), [(1, []), (7, [1]), (100, [50, 25, 10, 5, 2, 1])])
def test_smaller_batches_divide_it(batch, sizes):
    assert list(smaller_batches(batch)) == sizes


def test_the_largest_that_fits_is_found():
    tried = []

    def attempt(size):
        tried.append(size)
        if size > 16:
            raise MemoryError

    assert fitting_batch(128, attempt) == 16
    assert tried == [64, 32, 16]
