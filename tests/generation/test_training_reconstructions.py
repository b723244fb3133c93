"""Which training codes are decoded for FD to reconstructions."""

import numpy as np

from zscope.generation.ladder import MOST_DECODED, training_reconstructions


def as_images(codes):
    return codes.astype(np.uint32).reshape(-1, 1, 1, 1)


def decoded(n):
    return np.concatenate(list(training_reconstructions(as_images, np.arange(n, dtype=np.float32)[:, None]))).ravel()


def test_all_of_few_codes_in_their_order():
    assert decoded(1234).tolist() == list(range(1234))


def test_of_many_codes_a_fixed_choice_from_all_over():
    chosen = decoded(3 * MOST_DECODED)
    assert len(np.unique(chosen)) == MOST_DECODED
    assert np.array_equal(chosen, decoded(3 * MOST_DECODED))
    # A third of each third, hypergeometric: standard deviation 27.
    assert np.abs(np.bincount(chosen // MOST_DECODED) - MOST_DECODED / 3).max() < 110
