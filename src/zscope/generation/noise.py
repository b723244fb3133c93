"""Posterior noise: one image, encoded once and decoded from many draws of its posterior."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.models.autoencoder import Autoencoder
from zscope.models.tensors import to_uint8
from zscope.typing import CodeArray, ImageArray


@dataclass(frozen=True, eq=False)
class PosteriorSamples:
    """Draws of q(z|x) of one image, decoded.

    Attributes
    ----------
    codes : ndarray of shape (n, d), float32
        mean + eps_factor · exp(logvar / 2) · eps, eps ~ N(0, 1), clipped as the model clips it.
    images : ndarray of shape (n, H, W, C), uint8
        What they decode to.
    reconstruction : ndarray of shape (H, W, C), uint8
        What the mean decodes to.
    sd : ndarray of shape (H, W, C), float64
        Standard deviation of each pixel over the draws, pixel values from 0 to 1.
    eps_factor : float
        Factor on the noise.
    """

    codes: CodeArray
    images: ImageArray
    reconstruction: ImageArray
    sd: NDArray[np.float64]
    eps_factor: float


def posterior_samples(
    model: Autoencoder, image: ImageArray, n: int, eps_factor: float, rng: np.random.Generator
) -> PosteriorSamples:
    """Draw codes of one image and decode them.

    Parameters
    ----------
    model : Autoencoder
        A VAE; its own `eps_clip` holds, its own `eps_factor` does not.
    image : ndarray of shape (H, W, C), uint8
        The image.
    n : int
        Draws, at least 2.
    eps_factor : float
        Factor on the noise, at least 0: 1 draws from the posterior, 0 gives n equal reconstructions.
    rng : numpy.random.Generator
        Makes the noise, so that the same generator gives the same draws whatever torch has done before.

    Returns
    -------
    PosteriorSamples
        In the order of the draws.

    Raises
    ------
    ParameterError
        The model is an AE, or a number is out of its bounds.
    """
    if n < 2:
        raise ParameterError("n", "be at least 2", n)
    if not 0 <= eps_factor < np.inf:
        raise ParameterError("eps_factor", "be a number from 0", eps_factor)
    posterior = model.encode(image[None])
    if posterior.logvar is None:
        raise ParameterError("model", "be a VAE, since an AE has no posterior noise", "an AE")
    mean, logvar = posterior.mean[0].cpu().numpy(), posterior.logvar[0].cpu().numpy()
    noise = rng.standard_normal((n, len(mean)))
    if model.eps_clip is not None:
        noise = noise.clip(-model.eps_clip, model.eps_clip)
    codes = (mean + eps_factor * np.exp(0.5 * logvar.astype(np.float64)) * noise).astype(np.float32)
    pictures = model.decode(codes)
    return PosteriorSamples(
        codes, to_uint8(pictures), model.decode_all(mean[None])[0], pictures.std(axis=0, dtype=np.float64), eps_factor
    )
