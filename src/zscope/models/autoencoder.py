"""The autoencoder: encoder, code head, decoder, likelihood and regulariser, composed."""

import operator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn

from zscope.clouds import Cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import FormatError, ParameterError
from zscope.models.config import ModelConfig, parameter_error, validated
from zscope.models.fused import kept_kernels
from zscope.models.heads import code_head
from zscope.models.heap import kept_heap
from zscope.models.layers import glorot_
from zscope.models.likelihoods import LIKELIHOODS
from zscope.models.networks import ConvEncoder, decoder_of, encoder_of, spectral_
from zscope.models.posterior import Posterior
from zscope.models.regularisers import Step
from zscope.models.tensors import as_tensor, load_tensors, state_tensors, to_uint8
from zscope.runs.formats import read_json, staged_folder, write_json
from zscope.runs.ladders import SAMPLER, labelled_sampler
from zscope.runs.run import Run
from zscope.runs.samplers import kept_labelled_sampler, kept_sampler, spelled
from zscope.typing import CodeArray, FloatArray, ImageArray

FORMAT, VERSION = "zscope-model", 1

_CACHED_BYTES = 3_500_000  # of the largest features; half or twice as many take longer


class Losses(NamedTuple):
    """Means over a batch, float32 scalars, in nats per image summed over all pixels and channels.

    Attributes
    ----------
    total : Tensor
        What training minimises: reconstruction + weight · kl, or with `terms` reconstruction + their sum.
    reconstruction : Tensor
        Negative log-likelihood of the images.
    kl : Tensor
        KL of the posterior against N(0, I); 0 for an AE.
    terms : dict of str to Tensor
        The weighted terms of the total beside the reconstruction, by name; empty where weight · kl is the only one.
    """

    total: Tensor
    reconstruction: Tensor
    kl: Tensor
    terms: dict[str, Tensor] = {}  # noqa: RUF012 - never written to


class Autoencoder(nn.Module):
    """An AE or VAE made of interchangeable parts.

    Parameters
    ----------
    config : ModelConfig
        What to build.
    encoder, decoder : Module, optional
        The modules of the network ``own``; `of` is the shorter way.

    Attributes
    ----------
    data_size : int or None
        Images in the training set, which the trainer sets; the regulariser ``tc`` needs it.
    eps_clip : float or None
        Bound of the latent noise in standard deviations; may be changed after training.
    eps_factor : float
        Factor on the latent noise; may be changed after training.
    folder : Path or None
        The run, or the folder of the model, that it was read from: `sample` looks there for the run's sampler.

    Examples
    --------
    >>> model = Autoencoder(ModelConfig(kind="vae", shape=(8, 8, 1), z_dim=2, layers=[{"filters": 4, "stride": 2}]))
    >>> model.encode(np.zeros((3, 8, 8, 1), np.uint8)).mean.shape
    torch.Size([3, 2])
    >>> model.decode(np.zeros((5, 2), np.float32)).shape
    (5, 8, 8, 1)
    """

    def __init__(self, config: ModelConfig, encoder: nn.Module | None = None, decoder: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.eps_clip = config.eps_clip
        self.eps_factor = config.eps_factor
        self.data_size: int | None = None
        self.folder: Path | None = None
        self._sampler: Cloud | None = None
        self._labelled: dict[str, ConditionalCloud] = {}
        self._stands: tuple[float, int] | None = None
        self._checked = False
        # Initial weights are drawn, and handed to the optimiser, in this order: encoder, head, decoder.
        self.encoder, features = encoder_of(config, encoder)
        self.head = code_head(config, features)
        self.decoder = decoder_of(config, decoder)
        self.likelihood = LIKELIHOODS[config.likelihood](config.channels, config.sigma)
        self.prior = config.prior.build(config.shape, config.z_dim, self._encode)
        self.regularisers = config.objective
        self._plain = [item.name for item in self.regularisers] in (["none"], ["kl"])
        if config.initialisation == "glorot":
            glorot_(self.head if config.network == "own" else self)
        if config.spectral_norm:
            spectral_(self.decoder)
        # The layout in which convolutions are fastest; images come in it too (see `as_tensor`).
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def of(
        cls, encoder: nn.Module, decoder: nn.Module, *, shape: tuple[int, int, int], z_dim: int, **values: Any
    ) -> Self:
        """Make a model of your own modules.

        Parameters
        ----------
        encoder : Module
            Images (N, C, H, W) in [0, 1] → features (N, F); a linear head makes the code, or its mean and
            log-variance, from them.
        decoder : Module
            Codes (N, d) → output (N, C, H, W), logits or means as the likelihood takes them. It must hold no state but
            its own, since its state is what `save_pretrained` writes.
        shape : (int, int, int)
            Height, width and channels of the images.
        z_dim : int
            Latent dimensions d.
        **values
            Other fields of `ModelConfig`: kind, beta, likelihood, regularisers, ….

        Raises
        ------
        ParameterError
            A module that does not take what it is given or gives another shape, tried with one image of zeros.

        Examples
        --------
        >>> encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        >>> decoder = nn.Sequential(nn.Linear(2, 64), nn.Unflatten(1, (1, 8, 8)))
        >>> model = Autoencoder.of(encoder, decoder, shape=(8, 8, 1), z_dim=2, kind="vae", beta=1.0)
        >>> model.encode(np.zeros((3, 8, 8, 1), np.uint8)).mean.shape
        torch.Size([3, 2])
        """
        config = validated(**{**values, "shape": shape, "z_dim": z_dim, "layers": (), "network": "own"})
        return cls(config, encoder, decoder)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    @property
    def weight(self) -> float:
        """The present weight of the KL: the schedule's in training, the final one in evaluation."""
        if self._stands is None or not self.training:
            return self.config.beta
        return self.config.beta * self.config.schedule.share(*self._stands)

    def begin_step(self, epoch: float, epochs: int) -> None:
        """Say where training stands before a step; schedules take their weights from it.

        Parameters
        ----------
        epoch : float
            Epochs that are over, the begun one as the share of its steps.
        epochs : int
            Epochs of the whole training.
        """
        self._stands = (epoch, epochs)

    def forward(self, images: Tensor) -> Losses:
        """Losses of a batch.

        Under autocast only the convolutional trunks run in reduced precision; heads, sampling, KL and likelihood
        are float32 whatever surrounds them.

        Parameters
        ----------
        images : Tensor of shape (N, C, H, W)
            Images in [0, 1], float32. The first batch is checked for it, where the likelihood demands it.
        """
        if not self._checked:
            self.likelihood.check(images)
            self._checked = True
        posterior = self._encode(self.config.corruption.corrupt(images) if self.training else images)
        with torch.autocast(images.device.type, enabled=False):
            codes = posterior.draw(eps_clip=self.eps_clip, eps_factor=self.eps_factor)
        output = self.decoder(codes)
        with torch.autocast(images.device.type, enabled=False):
            reconstruction = self.likelihood.negative_log(output.float(), images).mean()
            divergence = self._divergence(posterior, codes)
            kl = divergence.mean()
            if self._plain:
                return Losses(reconstruction + self.weight * kl, reconstruction, kl)
            terms = self._terms(posterior, codes, divergence, output)
            return Losses(reconstruction + torch.stack(list(terms.values())).sum(), reconstruction, kl, terms)

    def _divergence(self, posterior: Posterior, codes: Tensor) -> Tensor:
        if posterior.logvar is None:
            return torch.zeros(len(codes), device=codes.device)
        return self.prior.divergence(posterior, codes)

    def _terms(self, posterior: Posterior, codes: Tensor, divergence: Tensor, output: Tensor) -> dict[str, Tensor]:
        epoch, epochs = self._stands if self._stands is not None and self.training else (1.0, 1)
        step = Step(posterior, codes, divergence, output, self.decoder, self.prior, self.data_size, epoch, epochs)
        terms: dict[str, Tensor] = {}
        for item in self.regularisers:
            if item.name != "none":
                terms |= item.terms(step, self.weight)
        return terms

    def _encode(self, images: Tensor) -> Posterior:
        return self._posterior(self.encoder(images))

    def _posterior(self, features: Tensor) -> Posterior:
        with torch.autocast(features.device.type, enabled=False):
            posterior: Posterior = self.head(features.float())
        return posterior

    @torch.inference_mode()
    def encode(self, images: ImageArray | Tensor) -> Posterior:
        """Posterior means and log-variances of images; nothing is drawn.

        Parameters
        ----------
        images : uint8 array of shape (N, H, W, C), or float Tensor of shape (N, C, H, W) in [0, 1]
            On a processor the encoder takes as many at a time as have their features in its caches.

        Returns
        -------
        Posterior
            Float32 tensors of shape (N, d) on the model's device; `logvar` is None for an AE.
        """
        tensor = as_tensor(images, self.device)
        with _Evaluating(self), kept_kernels():
            return self._posterior(self._features(tensor, check=isinstance(images, Tensor)))

    def _features(self, images: Tensor, *, check: bool) -> Tensor:
        """Features (N, F) of images; on a processor of as many at a time as have theirs in its caches."""
        count = max(len(images), 1)
        if images.device.type == "cpu" and isinstance(self.encoder, ConvEncoder):
            width = 2 if torch.is_autocast_enabled("cpu") else 4
            count = 1 << max(_CACHED_BYTES // (width * self.encoder.widest), 1).bit_length() - 1
        features: Tensor | None = None
        for start in range(0, max(len(images), 1), count):
            piece = images[start : start + count]
            if check:
                self.likelihood.check(piece)
            found = self.encoder(piece)
            if features is None:
                features = found.new_empty((len(images), *found.shape[1:]), dtype=torch.float32)
            features[start : start + count] = found
        assert features is not None
        return features

    @torch.inference_mode()
    def decode(self, codes: FloatArray | Tensor) -> FloatArray:
        """Decode codes to pictures.

        Parameters
        ----------
        codes : array or Tensor of shape (N, d)
            All are decoded in one batch.

        Returns
        -------
        ndarray of shape (N, H, W, C)
            The means of p(x|z), float32 in [0, 1].
        """
        tensor = torch.as_tensor(codes, dtype=torch.float32, device=self.device)
        if tensor.ndim != 2 or tensor.shape[1] != self.config.z_dim:
            raise ParameterError("codes", f"have shape (N, {self.config.z_dim})", tuple(tensor.shape))
        with _Evaluating(self):
            pictures = self.likelihood.mean(self.decoder(tensor).float())
        return np.asarray(pictures.permute(0, 2, 3, 1).contiguous().cpu().numpy())

    @torch.inference_mode()
    def decode_all(self, codes: CodeArray, batch: int | None = None) -> ImageArray:
        """Decode any number of codes in batches: (N, d) → uint8 images (N, H, W, C).

        By default `decoded_at_once` at a time.
        """
        batch = batch or decoded_at_once(self.device)
        # Giving the heap back takes a while: for a single batch it is not worth it.
        with kept_heap() if len(codes) > batch else nullcontext(), kept_kernels():
            parts = [to_uint8(self.decode(codes[start : start + batch])) for start in range(0, len(codes), batch)]
        return np.concatenate(parts) if parts else np.empty((0, *self.config.shape), np.uint8)

    @torch.inference_mode()
    def prior_components(self) -> tuple[CodeArray, CodeArray] | None:
        """Means and log-variances, float32 (K, d), of the Gaussians of equal weight that make up the prior p(z).

        N(0, I) has one; an AE has no prior, and gives None.
        """
        if self.config.kind == "ae":
            return None
        with _Evaluating(self):
            found = self.prior.components()
        return found.mean.float().cpu().numpy(), found.log_variances.float().cpu().numpy()

    def sample(self, n: int, *, seed: int = 0, label: str | None = None) -> ImageArray:
        """Draw new images by the sampler that ``zscope sample RUN --ladder`` kept with the run.

        Parameters
        ----------
        n : int
            How many, at least 1.
        seed : int
            Seed of the draws, at least 0; the same seed gives the same images.
        label : str, optional
            ``COLUMN=VALUE``: draw images of one value of a label, by the sampler that ``--ladder --label COLUMN`` kept.

        Returns
        -------
        ndarray of shape (n, H, W, C), uint8
            Decoded images.

        Raises
        ------
        FormatError
            No such sampler is kept, or it was fitted to codes of another model or by another label.
        ParameterError
            `n` is no whole number from 1, `seed` none from 0, or `label` is no ``COLUMN=VALUE`` that the sampler knows.
        """
        n, rng = _whole("n", n, 1), np.random.default_rng(_whole("seed", seed, 0))
        if label is None:
            if self._sampler is None:
                self._sampler = kept_sampler(*self._kept(SAMPLER, ""))
            return self.decode_all(self._sampler.draw(n, rng))
        column, equals, value = label.partition("=")
        if not (column and equals and value):
            raise ParameterError("label", "be COLUMN=VALUE", label or "nothing")
        if column not in self._labelled:
            kept = self._kept(labelled_sampler(column), f" --label {column}")
            self._labelled[column] = kept_labelled_sampler(*kept, column)
        sampler = self._labelled[column]
        return self.decode_all(sampler.draw(n, rng, spelled(value, map(str, sampler.values_))))

    def _kept(self, name: str, option: str) -> tuple[Path, Path]:
        """Paths of a sampler that is kept with the model, and of the model's weights."""
        if self.folder is None or not (self.folder / name).exists():
            where = "the model was not read from a run" if self.folder is None else f"{self.folder} holds no {name}"
            raise FormatError(f"{where}: zscope sample {self.folder or 'RUN'} --ladder{option} makes one")
        return self.folder / name, _model_folder(self.folder) / "model.safetensors"

    def save_pretrained(self, folder: str | Path, *, force: bool = False) -> None:
        """Write ``config.json`` and ``model.safetensors``; the folder appears only when it is whole.

        Of modules of your own only the state is written, not their code: `from_pretrained` needs them passed again.
        """
        config = self.config.model_copy(update={"eps_clip": self.eps_clip, "eps_factor": self.eps_factor})
        with staged_folder(Path(folder), force=force) as stage:
            write_json(stage / "config.json", FORMAT, VERSION, {"config": config.model_dump(mode="json")})
            save_file(state_tensors(self), stage / "model.safetensors")

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str | torch.device = "cpu",
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
    ) -> Self:
        """Read what `save_pretrained` wrote, a run folder included.

        Parameters
        ----------
        folder : str or Path
            The folder.
        device : str or device
            Where the model goes.
        encoder, decoder : Module, optional
            Modules like those that a model made by `of` had; their state is read into them.

        Raises
        ------
        FormatError
            The folder holds no model, or weights of another one, or is a run whose training is not finished.
        ParameterError
            A model of modules of your own is read without them, or another one with them.
        """
        home = Path(folder)
        folder = _model_folder(home)
        if folder != home and not folder.exists():
            raise FormatError(f"{home} holds no model: its training is not finished (state: {Run.open(home).state})")
        try:
            config = ModelConfig.model_validate(read_json(folder / "config.json", FORMAT, VERSION).get("config"))
        except ValidationError as error:
            raise FormatError(f"{folder / 'config.json'}: {parameter_error(error)}") from None
        except ParameterError as error:
            raise FormatError(f"{folder / 'config.json'}: {error}") from None
        model = cls(config, encoder, decoder)
        load_tensors(model, folder / "model.safetensors")
        model.folder = home
        return model.to(device).eval()


def decoded_at_once(device: torch.device) -> int:
    """How many codes are best decoded at a time: on a processor as many as its caches hold."""
    return 64 if device.type == "cpu" else 512


def _model_folder(folder: Path) -> Path:
    """Folder of the model in a run folder; any other folder is the model's own."""
    return folder / "model" if (folder / "run.json").exists() else folder


def _whole(name: str, value: object, least: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ParameterError(name, "be a whole number", value) from None
    if number < least:
        raise ParameterError(name, f"be at least {least}", value)
    return number


class _Evaluating:
    """Evaluation mode for the length of a block, and the mode before it afterwards."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.was_training = module.training

    def __enter__(self) -> None:
        self.module.eval()

    def __exit__(self, *_: object) -> None:
        self.module.train(self.was_training)
