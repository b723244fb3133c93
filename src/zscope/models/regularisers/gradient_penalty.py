"""The slope of the decoder."""

import torch
from torch import Tensor

from zscope.models.parts import Weight
from zscope.models.regularisers.base import AddedRegulariser, Step


class GradientPenalty(AddedRegulariser):
    """‖J(z)‖², the squared Frobenius norm of the decoder's Jacobian at each code.

    Estimated without bias as ‖Jᵀ v‖² with one v of random signs for each image (Hutchinson 1990): one backward pass
    whatever the number of pixels. Ghosh et al. 2020, "From Variational to Deterministic Autoencoders", section 3.1;
    their code takes v = 1, which a decoder evades with slopes that cancel. J is that of the decoder's output as it
    leaves the network (logits, where the likelihood takes them). With a Gaussian likelihood of σ = 1 and a weight of
    ½ s² this is to first order the reconstruction's cost of latent noise of standard deviation s (Kumar & Poole 2020).

    Attributes
    ----------
    weight : float
        Nats per image and unit of the squared slope.
    """

    name = "gradient-penalty"
    formula = "E ‖Jᵀ v‖² = ‖∂ output / ∂ z‖², v of random signs"

    weight: Weight = 0.01

    def penalty(self, step: Step) -> Tensor:
        """Squared slope at each code, shape (N,)."""
        keep = torch.is_grad_enabled()
        codes, output = step.codes, step.output
        if not (keep and codes.requires_grad):
            # In evaluation there is no graph to go back through: one is made for this term alone.
            with torch.enable_grad():
                codes = codes.detach().requires_grad_()
                output = step.decode(codes)
        signs = torch.randint_like(output, 2) * 2 - 1
        (slopes,) = torch.autograd.grad(output, codes, signs, create_graph=keep)
        return slopes.float().square().sum(dim=1)
