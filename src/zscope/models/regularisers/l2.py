"""The squared length of the codes."""

from torch import Tensor

from zscope.models.regularisers.base import AddedRegulariser, Step


class SquaredNorm(AddedRegulariser):
    """½ ‖z‖² of the codes: the regularised autoencoder of Ghosh et al. 2020, "From Variational to Deterministic
    Autoencoders", equation 5.

    It is what is left of the KL in nats when the posterior's variance is held fixed, so its weight has beta's units. On
    its own it is evaded by codes that shrink and a decoder that grows: join it with ``gradient-penalty`` or a spectral
    norm of the decoder.

    Attributes
    ----------
    weight : float
        Dimensionless, as beta.
    """  # noqa: D205

    name = "l2"
    formula = "½ ‖z‖²"

    def penalty(self, step: Step) -> Tensor:
        """Half the squared length of each code, shape (N,), nats."""
        return 0.5 * step.codes.square().sum(dim=1)
