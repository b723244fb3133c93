"""A classifier that tries to tell images from real ones."""

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.typing import FloatArray

_FEWEST = 10


def two_sample_hits(real: FloatArray, images: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Tell for half of the images whether a classifier that was fitted to the other half says rightly if they are real.

    Linear discriminant analysis on the features and their squares, so that means and spreads both count, with the
    covariance shrunk after Ledoit and Wolf (2004). The mean is the accuracy (Lopez-Paz & Oquab 2017, "Revisiting
    Classifier Two-Sample Tests"): 0.5 if the two cannot be told apart. One half is held out and no more: the folds of a
    cross-validation share what differs by chance, so that 5 folds, tried here, gave intervals that hold in 90 of 100
    cases instead of 95.

    Parameters
    ----------
    real, images : ndarray of shape (n, d)
        Features, as many of either kind, at least 10.
    rng : numpy.random.Generator
        Deals them out to the halves.

    Returns
    -------
    ndarray of shape (2 · (n − n // 2),), bool
        As many of either kind; independent of each other, given the classifier.

    Raises
    ------
    ParameterError
        The numbers differ, or are too small.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    n = len(real)
    if len(images) != n or n < _FEWEST:
        raise ParameterError("images", f"be as many as the {n} real ones, and at least {_FEWEST}", len(images))
    fitted = np.concatenate([rng.permutation(n) < n // 2 for _ in range(2)])
    features = np.concatenate([real, images]).astype(np.float64)
    features -= features[fitted].mean(axis=0)
    features /= np.maximum(features[fitted].std(axis=0), np.finfo(np.float32).tiny)
    table = np.concatenate([features, features**2], axis=1)
    kind = np.repeat([0, 1], n)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
    model.fit(table[fitted], kind[fitted])
    return np.asarray(model.predict(table[~fitted]) == kind[~fitted])


def chance_accuracy(n: int) -> tuple[float, float]:
    """Bounds between which the accuracy lies in 95 of 100 cases where n images of either kind cannot be told apart.

    Parameters
    ----------
    n : int
        Images of either kind, of which half are held out.

    Returns
    -------
    low, high : float
        0.5 ∓ 1.96 · √(¼ / (2 · (n − n // 2))), about 0.5 ∓ 0.98 / √n.
    """
    reach = 1.96 * float(np.sqrt(0.25 / (2 * (n - n // 2))))
    return 0.5 - reach, 0.5 + reach
