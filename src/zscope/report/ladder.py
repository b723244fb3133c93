"""The ladder on the page: figure, table of scores, and what predicts a meaningful image."""

from zscope.figures import ladder, meaning
from zscope.report.blocks import Block, Numbering, Table
from zscope.study.payload import LadderPayload, RunPayload


def ladder_blocks(run: RunPayload, place: int, numbering: Numbering) -> list[Block]:
    """Lay out a run's ladder.

    Parameters
    ----------
    run : RunPayload
        The run.
    place : int
        Its place among the runs.
    numbering : Numbering
        Gives the figures their numbers.

    Returns
    -------
    list of Block
        Empty where the run has no ladder.
    """
    if run.ladder is None:
        return []
    shown = ladder.prepare(run, place=place)
    where = meaning.prepare(run, place=place)
    return [
        numbering.plot(run.name, "ladder", "Which random codes decode well", shown, ladder.draw, ladder.caption),
        scores_table(run.ladder),
        numbering.plot(run.name, "meaning", "Where codes are meaningful", where, meaning.draw, meaning.caption),
    ]


def scores_table(payload: LadderPayload) -> Table:
    """Lay out every score, the recommended sampler bold."""
    content = payload.content
    head, rows = ladder.score_table(content)
    marked = {(place, 1) for place, row in enumerate(rows) if row[0] == content["recommended"]}
    decoded = content.get("n_decoded")
    to = "" if decoded is None else f" FD to reconstructions: to those of {decoded:,} training images."
    left_out = "".join(f" {entry['sampler']} is left out: {entry['why']}." for entry in content["left_out"])
    return Table(
        "Scores of every sampler",
        head,
        tuple(rows),
        (False, *(True for _ in head[1:])),
        f"{content['why']} {content['n']:,} images a sampler, {content['n_references']:,} held-out ones; samplers are "
        f"fitted to {content['codes']:,} training codes.{to} In brackets 95 % intervals.{left_out}",
        marked=frozenset(marked),
    )
