"""The KL of the posterior, as the ELBO has it."""

from torch import Tensor

from zscope.models.regularisers.base import Regulariser, Step


class KullbackLeibler(Regulariser):
    """KL(q(z|x) ‖ p(z)) in nats per image; with a weight beta other than 1 the β-VAE.

    Against N(0, I) in closed form (Kingma & Welling 2013, "Auto-Encoding Variational Bayes", appendix B); against a
    learned prior by one draw. The weight: Higgins et al. 2017, "beta-VAE".
    """

    name = "kl"
    formula = "½ Σ (μ² + σ² − 1 − log σ²)"

    def penalty(self, step: Step) -> Tensor:
        """KL of each image, shape (N,), nats."""
        return step.kl
