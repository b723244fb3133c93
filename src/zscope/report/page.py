"""From the payload to one HTML file that needs nothing else."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from zscope.errors import ParameterError
from zscope.figures.render import write_whole
from zscope.report.content import page_content
from zscope.report.glossary import words_for
from zscope.study.payload import StudyPayload


def render(study: StudyPayload) -> str:
    """Give the report of a study as HTML.

    Parameters
    ----------
    study : StudyPayload
        One run or several.

    Returns
    -------
    str
        A whole document: style and pictures inside, no script, no address of another host.

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
    page = page_content(study)
    return environment.get_template("report.html").render(page=page, glossary=words_for(trained=page.trained))


def write_report(payload: StudyPayload, path: Path) -> None:
    """Write the report of a study.

    Parameters
    ----------
    payload : StudyPayload
        One run or several.
    path : Path
        The HTML file, in a folder that exists; it is replaced when the new one is whole.

    Raises
    ------
    ParameterError
        If the study has no run.
    """
    write_whole(path, render(payload).encode())
