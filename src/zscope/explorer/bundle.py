"""The front end as one ES module, put together from its files without a build step."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

LAST: Final = ("embedded.js", "explorer.js")
"""Files that nothing imports: the planes in a report, and the page."""

STYLES: Final = ("explorer.css", "plane.css")

_IMPORT = re.compile(r'^import \{[^}\n]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)


def front(name: str) -> str:
    """Text of a file of the front end."""
    return (files("zscope.explorer") / "front" / name).read_text(encoding="utf-8")


@cache
def bundle(*, exported: bool = True) -> str:
    """Put the files one after the other, each after those that it imports; imports between them fall away.

    Parameters
    ----------
    exported : bool
        Whether the names of the page's own file stay exported; a page that inlines the module needs none.

    Returns
    -------
    str
        One ES module without imports.
    """
    parts = []
    for name in in_order():
        text = _IMPORT.sub("", front(name))
        if not (exported and name == LAST[-1]):
            text = _EXPORT.sub("", text)
        parts.append(f"// --- {name}\n{text.strip()}\n")
    return "\n".join(parts)


def in_order() -> list[str]:
    """Names of the module's files, each after those that it imports."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' → '.join([*above, name])}: files of the front end import each other in a circle")
        if name not in done:
            for wanted in _IMPORT.findall(front(name)):
                visit(wanted, (*above, name))
            done.append(name)

    for name in LAST:
        visit(name, ())
    return done


def styles() -> str:
    """Put the style sheets one after the other."""
    return "\n".join(front(name) for name in STYLES)
