"""From the payload to one HTML file that needs nothing else."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from zscope.errors import ParameterError
from zscope.figures.render import write_whole
from zscope.report.content import page_content
from zscope.report.glossary import words_for
from zscope.report.zoom import page_module
from zscope.study.payload import StudyPayload


def render(study: StudyPayload, *, zoom: bool = True) -> str:
    """Give the report of a study as HTML.

    Parameters
    ----------
    study : StudyPayload
        One run or several.
    zoom : bool
        Put the points of the planes in, and the explorer's module that zooms into them; else pictures only.

    Returns
    -------
    str
        A whole document: style, pictures and at most one script inside, no address of another host.

    Raises
    ------
    ParameterError
        If the study has no run.
    """
    if not study.runs:
        raise ParameterError("runs", "be at least one", "none")
    environment = Environment(
        loader=PackageLoader("zscope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = page_content(study, zoom=zoom)
    live = page_module() if page.zoomed else None
    words = words_for(trained=page.trained)
    return environment.get_template("report.html").render(page=page, glossary=words, zoom=live)


def write_report(payload: StudyPayload, path: Path, *, zoom: bool = True) -> None:
    """Write the report of a study.

    Parameters
    ----------
    payload : StudyPayload
        One run or several.
    path : Path
        The HTML file, in a folder that exists; it is replaced when the new one is whole.
    zoom : bool
        See `render`.

    Raises
    ------
    ParameterError
        If the study has no run.
    """
    write_whole(path, render(payload, zoom=zoom).encode())
