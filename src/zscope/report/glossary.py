"""The words of the report, each in a sentence."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("autoencoder (AE)", "A network that turns an image into a code and the code back into the image."),
    (
        "variational autoencoder (VAE)",
        "An autoencoder whose encoder gives a Gaussian for every image, its posterior, and whose loss pulls these "
        "towards the prior.",
    ),
    ("code", "A latent vector. Of a VAE, the codes shown are the means of the posteriors."),
    ("latents", "All codes of a data set."),
    ("posterior, log-variance", "The Gaussian that a VAE gives for an image; the natural logarithm of its variances."),
    ("aggregate posterior", "The posteriors of all images together: where codes really are."),
    ("prior", "Where a VAE is told that codes should be: N(0, I), independent axes with mean 0 and variance 1."),
    (
        "KL",
        "Kullback–Leibler divergence of the posterior from the prior, in nats: what it costs to tell the codes of an "
        "image from the prior's.",
    ),
    ("reconstruction", "The image that the decoder makes of an image's own code; its loss is in nats per image."),
    ("nat", "Unit of information with the natural logarithm; 1 nat is 1.44 bits."),
    ("cloud", "A way to draw codes, fitted to the codes or not. It is used to sample images, or as a null."),
    (
        "null",
        "A cloud that shares some properties with the codes and is random otherwise. What it shows too is no finding "
        "about the codes.",
    ),
    (
        "covariance null",
        "A Gaussian cloud with exactly the codes' mean and covariance, and nothing else of them.",
    ),
    (
        "elliptical null",
        "A cloud of the codes' ellipsoidal shape (Tyler's) and with the codes' own radii in it: what it shows too may "
        "be heavy tails alone.",
    ),
    (
        "copula null",
        "A cloud with the distribution of every axis and the rank correlations of the codes: what it shows too is in "
        "the axes' shapes alone.",
    ),
    ("permuted null", "Every axis of the codes shuffled on its own: no axis depends on another."),
    (
        "verdict",
        "A claim held against its nulls. That codes agree with a cloud holds, or does not hold, only where the effect "
        "is surely within, or surely beyond, a margin; between it is undecided. A structure (clusters, voids, fewer "
        "dimensions) holds where every null is beaten by more than a margin; where it is not, nothing was seen in so "
        "many codes, which is no proof that there is nothing. Descriptive verdicts have no null.",
    ),
    (
        "p",
        "Share of null draws at least as extreme as the codes, the codes counted as one of the draws; corrected for "
        "all figures of its claim.",
    ),
    (
        "effect",
        "How large the difference to the null is, in units of its own; it does not grow with the number of codes.",
    ),
    ("radius", "Distance of a code from the origin."),
    ("active axis", "A latent axis that carries something of the image; the others have collapsed."),
    (
        "dominating axis",
        "An axis along which the codes are much wider than along the ordinary ones, or far off their centre.",
    ),
    (
        "intrinsic dimension",
        "How many directions codes have nearby, by the distances of neighbours. It depends on the scale and on how "
        "many codes there are: only the ratio to a null's means something.",
    ),
    ("void", "A region where a null would have codes and the codes have none."),
    ("Mahalanobis distance", "Distance from the mean in standard deviations of the direction."),
    ("inertia", "Mean squared distance of the codes to the nearest of k centres."),
    (
        "t-SNE",
        "A map that keeps neighbours together. Sizes of groups and distances between them have no meaning.",
    ),
    ("held-out", "Images that the model was not trained on."),
)
"""Word and meaning, in the order in which they are met."""

OF_MODELS = frozenset({"autoencoder (AE)", "variational autoencoder (VAE)", "reconstruction", "held-out"})
"""Words that only a model needs: codes alone have none of these."""


def words_for(*, trained: bool) -> tuple[tuple[str, str], ...]:
    """Choose the words of a page.

    Parameters
    ----------
    trained : bool
        Whether there is a model on it.

    Returns
    -------
    tuple of (str, str)
        Word and meaning.
    """
    return tuple((word, says) for word, says in GLOSSARY if trained or word not in OF_MODELS)
