"""The importance-weighted bound of a VAE's log-likelihood, for evaluation."""

import math

import torch
from torch import Tensor

from zscope.errors import ParameterError
from zscope.models.autoencoder import Autoencoder, decoded_at_once
from zscope.models.fused import kept_kernels
from zscope.models.posterior import Posterior
from zscope.models.tensors import as_tensor
from zscope.typing import ImageArray


@torch.inference_mode()
def iwae_bound(
    model: Autoencoder,
    images: ImageArray | Tensor,
    k: int,
    generator: torch.Generator | None = None,
    *,
    chunk: int | None = None,
) -> Tensor:
    """Lower bound of log p(x) by k draws from the posterior.

    log 1/k Σ_i p(x|z_i) p(z_i) / q(z_i|x), z_i ~ q(z|x). With k = 1 its mean is the ELBO; in expectation it rises with
    k, towards log p(x). Burda et al. 2016, "Importance Weighted Autoencoders", equation 8. The draws are those of
    q(z|x) itself: `eps_clip` and `eps_factor` do not act.

    Parameters
    ----------
    model : Autoencoder
        A VAE.
    images : uint8 array of shape (N, H, W, C), or float Tensor of shape (N, C, H, W) in [0, 1]
        Images.
    k : int
        Draws for each image, at least 1.
    generator : torch.Generator, optional
        Of the draws, on the model's device.
    chunk : int, optional
        Codes that are decoded at a time, by default as many as `Autoencoder.decode_all` takes.

    Returns
    -------
    Tensor of shape (N,)
        Nats per image, float64 on the processor; with a likelihood of densities they may be positive.

    Raises
    ------
    ParameterError
        An AE, fewer than one draw or code at a time, or images outside [0, 1] with a likelihood of such.
    """
    if model.config.kind == "ae":
        raise ParameterError("model", "be a VAE for the IWAE bound", "an AE, whose posterior has no density")
    chunk = decoded_at_once(model.device) if chunk is None else chunk
    for name, value in (("k", k), ("chunk", chunk)):
        if value < 1:
            raise ParameterError(name, "be at least 1", value)
    tensor = as_tensor(images, model.device)
    model.likelihood.check(tensor)
    posterior = model.encode(tensor)
    was_training = model.training
    model.eval()
    try:
        rows = torch.split(torch.arange(len(tensor), device=tensor.device).repeat_interleave(k), chunk)
        with kept_kernels():
            parts = [_log_weights(model, tensor[part], _of_rows(posterior, part), generator) for part in rows]
    finally:
        model.train(was_training)
    return torch.logsumexp(torch.cat(parts).view(len(tensor), k), dim=1) - math.log(k)


def _of_rows(posterior: Posterior, rows: Tensor) -> Posterior:
    return Posterior(posterior.mean[rows], posterior.log_variances[rows])


def _log_weights(model: Autoencoder, images: Tensor, posterior: Posterior, generator: torch.Generator | None) -> Tensor:
    """Log p(x|z) p(z) / q(z|x) of one draw for each image, shape (N,), float64, which not every device has."""
    codes = posterior.draw(eps_clip=None, eps_factor=1.0, generator=generator)
    log_likelihood = -model.likelihood.negative_log(model.decoder(codes).float(), images)
    log_ratio = model.prior.log_density(codes) - posterior.log_density_by_axis(codes).sum(dim=1)
    return log_likelihood.cpu().double() + log_ratio.cpu().double()
