"""What can be wrong with an image: the corruptions that the judge's network learns to tell from real images.

Each takes images of shape (n, C, H, W) in [0, 1] and a generator, and gives as many back, each spoilt by an amount of
its own. Those that need a second image take the next one of the batch.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

Corruption = Callable[[Tensor, torch.Generator], Tensor]


_GHOSTS: Final = 8


def noise(images: Tensor, rng: torch.Generator) -> Tensor:
    """Add independent Gaussian noise to every pixel, of a standard deviation from 0.05 to 0.4."""
    amount = _uniform(images, rng, 0.05, 0.4)
    return (images + amount * torch.randn(images.shape, generator=rng)).clamp(0, 1)


def clouds(images: Tensor, rng: torch.Generator) -> Tensor:
    """Add smooth noise of a standard deviation from 0.05 to 0.4, its blots a third to a twelfth of the image wide."""
    grid = int(torch.randint(3, 13, (), generator=rng))
    return (images + _uniform(images, rng, 0.05, 0.4) * _smooth(images, images.shape[1], grid, rng)).clamp(0, 1)


def blur(images: Tensor, rng: torch.Generator) -> Tensor:
    """Mix an image with its blurred self, the window a quarter of it wide, by 0.3 to 1."""
    window = max(3, min(images.shape[2:]) // 4 | 1)
    blurred = images
    for _ in range(2):
        blurred = functional.avg_pool2d(blurred, window, 1, window // 2, count_include_pad=False)
    return torch.lerp(images, blurred, _uniform(images, rng, 0.3, 1.0))


def shuffle(images: Tensor, rng: torch.Generator) -> Tensor:
    """Cut an image in four quarters and put them in another order, the same for the whole batch."""
    height, width = (side // 2 for side in images.shape[2:])
    places = [(row, column) for row in (0, height) for column in (0, width)]
    shift = int(torch.randint(1, 4, (), generator=rng))
    spoilt = images.clone()
    for number, (row, column) in enumerate(places):
        top, left = places[(number + shift) % 4]
        spoilt[..., row : row + height, column : column + width] = images[..., top : top + height, left : left + width]
    return spoilt


def blend(images: Tensor, rng: torch.Generator) -> Tensor:
    """Add ghosts of eight other images, with random weights of either sign: noise that has the images' covariance."""
    ghosts = torch.zeros_like(images)
    mean = images.mean(dim=0)
    for step in range(1, _GHOSTS + 1):
        ghosts += torch.randn((len(images), 1, 1, 1), generator=rng) * (images.roll(step, 0) - mean)
    return (images + _uniform(images, rng, 0.2, 0.8) / _GHOSTS**0.5 * ghosts).clamp(0, 1)


def splice(images: Tensor, rng: torch.Generator) -> Tensor:
    """Replace winding regions of an image, about half of it, by those of another image."""
    mask = torch.sigmoid(8 * _smooth(images, 1, 4, rng))
    return torch.lerp(images, images.roll(1, 0), mask)


def warp(images: Tensor, rng: torch.Generator) -> Tensor:
    """Bend an image: each place moves by a smooth random way of 3 to 10 % of the image."""
    height, width = images.shape[2:]
    upright = torch.eye(2, 3).expand(len(images), 2, 3)
    places = functional.affine_grid(upright, [len(images), 1, height, width], align_corners=False)
    ways = 2 * _uniform(images, rng, 0.03, 0.1) * _smooth(images, 2, 5, rng)
    moved = places + ways.permute(0, 2, 3, 1)
    return functional.grid_sample(images, moved, padding_mode="border", align_corners=False)


def hole(images: Tensor, rng: torch.Generator) -> Tensor:
    """Fill a block of a third to a half of the height and width with one grey."""
    spoilt = images.clone()
    shares = torch.rand(4, generator=rng)
    sides = [
        max(2, round(side * (1 / 3 + float(share) / 6)))
        for side, share in zip(images.shape[2:], shares[:2], strict=True)
    ]
    top, left = (
        int(float(share) * (whole - side + 1) * 0.999)
        for share, whole, side in zip(shares[2:], images.shape[2:], sides, strict=True)
    )
    grey = torch.rand((len(images), 1, 1, 1), generator=rng)
    spoilt[..., top : top + sides[0], left : left + sides[1]] = grey
    return spoilt


def turn(images: Tensor, rng: torch.Generator) -> Tensor:
    """Turn images upside down, or mirror them at a horizontal line."""
    return images.flip((2, 3)) if int(torch.randint(0, 2, (), generator=rng)) else images.flip(2)


CORRUPTIONS: Final[dict[str, Corruption]] = {
    "noise": noise,
    "clouds": clouds,
    "blur": blur,
    "shuffle": shuffle,
    "blend": blend,
    "splice": splice,
    "warp": warp,
    "hole": hole,
    "turn": turn,
}
"""All of them; the network answers with a number from 0 (a real image) to as many as there are."""


def spoil(images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Corrupt images, an equal share of them by each of `CORRUPTIONS`.

    Parameters
    ----------
    images : Tensor of shape (n, C, H, W)
        In [0, 1], on the CPU, in random order.
    rng : torch.Generator
        The only source of chance.

    Returns
    -------
    spoilt : Tensor of shape (n, C, H, W)
        In [0, 1].
    kinds : Tensor of shape (n,), int64
        1 for the first corruption, and so on.
    """
    shares = torch.tensor_split(images, len(CORRUPTIONS))
    spoilt = [
        spoiling(part, rng) if len(part) else part for part, spoiling in zip(shares, CORRUPTIONS.values(), strict=True)
    ]
    kinds = [torch.full((len(part),), kind) for kind, part in enumerate(shares, 1)]
    return torch.cat(spoilt), torch.cat(kinds)


def _smooth(images: Tensor, channels: int, grid: int, rng: torch.Generator) -> Tensor:
    """Draw smooth noise of the images' size, of about unit variance, from a grid of so many places a side."""
    coarse = torch.randn((len(images), channels, grid, grid), generator=rng)
    return 1.5 * functional.interpolate(coarse, size=images.shape[2:], mode="bilinear", align_corners=True)


def _uniform(images: Tensor, rng: torch.Generator, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand((len(images), 1, 1, 1), generator=rng)
