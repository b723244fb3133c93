"""The front end as one ES module, put together from its files without a build step."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

PAGE, PLANES = "explorer.js", "embedded.js"
"""What nothing imports: the page, and the planes in a report."""

STYLES: Final = ("explorer.css", "plane.css")

_IMPORT = re.compile(r'^import \{[^}\n]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)


def front(name: str) -> str:
    """Text of a file of the front end."""
    return (files("zscope.explorer") / "front" / name).read_text(encoding="utf-8")


@cache
def bundle(last: str = PAGE, *, exported: bool = True) -> str:
    """Put a file after all those that it needs; imports between them fall away.

    Parameters
    ----------
    last : str
        The file.
    exported : bool
        Whether its own names stay exported; a page that inlines the module needs none.

    Returns
    -------
    str
        One ES module without imports.
    """
    parts = []
    for name in in_order(last):
        text = _IMPORT.sub("", front(name))
        if not (exported and name == last):
            text = _EXPORT.sub("", text)
        parts.append(f"// --- {name}\n{text.strip()}\n")
    return "\n".join(parts)


def in_order(last: str = PAGE) -> list[str]:
    """Names of a file and of all those that it needs, each after those that it imports."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' → '.join([*above, name])}: files of the front end import each other in a circle")
        if name not in done:
            for wanted in _IMPORT.findall(front(name)):
                visit(wanted, (*above, name))
            done.append(name)

    visit(last, ())
    return done


def styles() -> str:
    """Put the style sheets one after the other."""
    return "\n".join(front(name) for name in STYLES)
