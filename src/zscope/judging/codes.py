"""How a code itself foretells its image: distance to the codes of real images, and whether decoding can be undone."""

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.measures.neighbours import nearest_distances
from zscope.typing import CodeArray, FloatArray


def code_spread(codes: FloatArray) -> float:
    """Root mean square distance of codes from their mean, √tr Σ.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Of the training images.

    Returns
    -------
    float
        In latent units.

    Raises
    ------
    ParameterError
        All codes are one.
    """
    spread = float(np.sqrt(codes.var(axis=0, dtype=np.float64).sum()))
    if not spread > 0:
        raise ParameterError("codes", "differ from each other", f"{len(codes)} equal ones")
    return spread


def cycle_errors(codes: CodeArray, again: CodeArray, spread: float) -> NDArray[np.float64]:
    """|encode(decode(z)) − z| / spread of every code.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        z.
    again : ndarray of shape (n, d)
        Codes (for a VAE posterior means) of the images that they decode to.
    spread : float
        Of the training codes, see `code_spread`.

    Returns
    -------
    ndarray of shape (n,), float64
        0 where decoding can be undone; √2 if z came back as a code drawn by chance.

    Raises
    ------
    ParameterError
        The shapes differ.
    """
    if codes.shape != again.shape:
        raise ParameterError("codes encoded again", f"have shape {codes.shape}", again.shape)
    return np.asarray(np.linalg.norm(again.astype(np.float64) - codes, axis=1) / spread)


def nearest_code_distances(codes: CodeArray, training: CodeArray, spread: float) -> NDArray[np.float64]:
    """Distance from every code to the nearest training code, over the spread of these.

    Parameters
    ----------
    codes : ndarray of shape (n, d), float32
        Codes that were drawn.
    training : ndarray of shape (N, d), float32
        Codes of the training images.
    spread : float
        Of the training codes, see `code_spread`.

    Returns
    -------
    ndarray of shape (n,), float64
        0 for a training code.
    """
    return np.asarray(nearest_distances(training, codes).astype(np.float64) / spread)
