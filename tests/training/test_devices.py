import torch

from zscope.training.devices import SMALL_WORK, threads_for


def test_small_steps_take_one_thread_and_leave_the_others_as_they_were():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with threads_for(SMALL_WORK - 1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with threads_for(SMALL_WORK):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
