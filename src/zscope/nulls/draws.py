"""Drawing null clouds that share size, dimension, mean and covariance with the codes."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from zscope.clouds import CovarianceCloud
from zscope.errors import ParameterError
from zscope.typing import CodeArray, Progress, silent

Statistic = TypeVar("Statistic")


def covariance_draws(
    codes: CodeArray,
    statistic: Callable[[CodeArray], Statistic],
    draws: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> list[Statistic]:
    """Take a statistic of many Gaussian clouds with exactly the codes' mean and covariance.

    Only the statistics are kept, so that many large clouds need no more memory than one.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        The codes; n above d.
    statistic : callable
        Takes a cloud of shape (n, d), gives anything.
    draws : int
        How many clouds, at least 1.
    rng : numpy.random.Generator
        Every cloud has a generator of its own, spawned from this one: draw i is the same however many there are.
    progress : Progress
        Told after each draw.

    Returns
    -------
    list
        One statistic a draw.

    Raises
    ------
    ParameterError
        If `draws` is below 1.
    CodesError
        If there are not more codes than dimensions.
    """
    if draws < 1:
        raise ParameterError("draws", "be at least 1", draws)
    cloud = CovarianceCloud().fit(codes)
    found: list[Statistic] = []
    for child in rng.spawn(draws):
        found.append(statistic(cloud.draw_matched(len(codes), child)))
        progress("null clouds", len(found), draws)
    return found
