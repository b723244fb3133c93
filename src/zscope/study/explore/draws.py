"""New codes by samplers: where they fall in a plane, and what they decode to."""

from typing import Final

import numpy as np

from zscope.clouds import Cloud, cloud
from zscope.errors import FormatError, ParameterError
from zscope.generation.ladder import LADDER
from zscope.generation.sampling import fitted
from zscope.measures.words import counted
from zscope.runs.ladders import SAMPLER
from zscope.runs.samplers import sampler_about
from zscope.study.explore.answer import LIMITS, Answer, Plane, within
from zscope.study.explore.caches import Once, Recent
from zscope.study.explore.journeys import places_of
from zscope.study.explore.opened import Opened
from zscope.study.explore.points import sentence
from zscope.study.sample import RECOMMENDED, recommended

SLOW: Final = ("flow", "second-stage")
"""Samplers that are networks: to train one takes minutes, so they are drawn from only where one was kept."""


QUICK: Final = {"mixture": "mixture:5"}
"""What is offered in place of a sampler that tries out its own figure."""


class Draws:
    """The samplers of some codes, each fitted once.

    Of a VAE they are fitted to one draw of each posterior, on which its decoder was trained, as ``zscope sample`` does.

    Parameters
    ----------
    opened : Opened
        The codes; samplers learn from the training codes.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self._fitted: Recent[Cloud] = Recent(4)

    @Once
    def kept(self) -> str | None:
        """Name the sampler that ``zscope sample --ladder`` kept with the run, as it was asked for; None without one."""
        run = self.opened.run
        if run is None or not (run.path / SAMPLER).exists():
            return None
        try:
            about = sampler_about(run.path / SAMPLER)
            recommended(run)
        except FormatError:
            return None
        return str(about.get("sampler", about["spec"]))

    def samplers(self) -> list[dict[str, str]]:
        """Name the samplers of the ladder that are fitted within seconds, and what each keeps of the codes."""
        specs = [QUICK.get(spec, spec) for spec in LADDER if spec not in SLOW]
        if self.kept is not None and self.kept not in specs:
            specs.append(self.kept)
        return [{"name": spec, "keeps": cloud(spec).keeps} for spec in specs]

    def draw(self, sampler: str, n: int = 64, seed: int = 0, plane: Plane | None = None) -> Answer:
        """Draw new codes.

        Parameters
        ----------
        sampler : str
            One of `samplers`, or ``recommended``.
        n : int
            1 to 256.
        seed : int
            At least 0; the same seed draws the same codes.
        plane : Plane, optional
            Where to place them.

        Returns
        -------
        Answer
            ``says``, ``keeps``, ``placed``; ``codes`` (n, d), ``images`` (n, H, W, C) with a model, and ``x``, ``y``
            (n,) where the plane has coordinates for any code.

        Raises
        ------
        ParameterError
            There is no such sampler, or a number is out of bounds.
        CodesError
            It cannot be fitted to these codes.
        """
        within("n", n, 1, LIMITS["draws"])
        within("seed", seed, 0, 2**31 - 1)
        item = self._sampler(sampler)
        codes = item.draw(n, np.random.default_rng(seed))
        buffers = {"codes": codes, **places_of(self.opened, plane, codes)}
        kept = sampler in (RECOMMENDED, self.kept)
        learnt = "kept with the run" if kept else f"fitted to {counted(len(self.opened.train), 'code')}"
        if not kept and self.opened.has_noise:
            learnt += ", one draw of each posterior"
        says = [f"{counted(n, 'code')} drawn from {item.label}, {learnt}."]
        if plane is not None and "x" not in buffers:
            says.append(f"Only stored codes have a place in {plane.x} against {plane.y}: these are not shown there.")
        if self.opened.model is not None:
            buffers["images"] = self.opened.decode(codes)
        else:
            says.append(sentence(self.opened.why_no_model))
        return Answer({"says": " ".join(says), "keeps": item.keeps, "placed": "x" in buffers}, buffers)

    def _sampler(self, sampler: str) -> Cloud:
        """Take the kept sampler, or fit one."""
        run = self.opened.run
        if sampler in (RECOMMENDED, self.kept):
            if run is None or self.kept is None:
                raise ParameterError("sampler", "be another one: none is kept (zscope sample RUN --ladder)", sampler)
            return self._fitted.get(RECOMMENDED, lambda: recommended(run))
        offered = [one["name"] for one in self.samplers()]
        if sampler not in offered:
            # A mixture of 100,000 Gaussians would fill the memory of the machine that others look at codes with.
            must = f"be one of {', '.join(offered)}; zscope sample RUN --sampler takes every other"
            raise ParameterError("sampler", must, sampler)
        spec = cloud(sampler).spec
        return self._fitted.get(spec, lambda: fitted(spec, self.opened.training_codes, self.opened.training_noise()))
