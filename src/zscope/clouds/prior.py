"""The prior of a model: what training made of the distribution that its codes were drawn to."""

from typing import ClassVar

from zscope.clouds.posterior import PosteriorCloud


class PriorCloud(PosteriorCloud):
    """z = m_k + exp(l_k / 2) ε: a random component of the model's prior p(z), ε ~ N(0, I).

    Fitted to the components of a prior in the place of codes: those of a VampPrior are the posteriors of its
    pseudo-inputs (Tomczak & Welling 2018, "VAE with a VampPrior"), and N(0, I) has one. Knows of the codes what
    training told the prior.
    """

    name: ClassVar[str] = "prior"
    keeps: ClassVar[str] = "what training told the model's prior of the codes"

    @property
    def label(self) -> str:
        """The cloud in words; once fitted, with the number of components."""
        n = len(self.codes_) if hasattr(self, "codes_") else 1
        return "the model's prior" if n == 1 else f"the model's prior, of {n:,} components"
