"""Writes the reference of the command line from the commands themselves: ``python -m zscope.cli.reference FILE``."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from zscope.cli.main import command_line
from zscope.runs.formats import staged_file

HEAD = """\
# Commands

<!-- Written by `python -m zscope.cli.reference docs/reference/cli.md`; a test compares it with the commands. -->

Every command leaves with exit code 0 when it did what was asked, 1 when it failed, and 2 when it was called wrongly;
a failure is one line on standard error. Results go to standard output, everything else to standard error.
"""


def markdown() -> str:
    """Describe every command of ``zscope``.

    Returns
    -------
    str
        A page of Markdown: a section for each command, with its usage, what it does, its arguments and its options.
    """
    sections = [_section(path, command) for path, command in commands(typer.main.get_command(command_line()))]
    return "\n".join([HEAD, *sections])


def commands(command: Any, path: tuple[str, ...] = ("zscope",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk over the commands that do something, groups left out.

    Parameters
    ----------
    command : typer's command or group
        Where to begin.
    path : tuple of str
        The words that call it.

    Yields
    ------
    path : tuple of str
        The words that call a command.
    command : typer's command
        The command.
    """
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        if not one.hidden:
            yield from commands(one, (*path, name))


def _section(path: tuple[str, ...], command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name != "argument"]
    usage = " ".join([*path, *(_argument(parameter) for parameter in arguments), "[OPTIONS]"])
    lines = [f"## {' '.join(path)}", "", "```text", usage, "```", "", *_paragraphs(command.help or ""), ""]
    if arguments:
        lines += ["| argument | meaning |", "| --- | --- |"]
        lines += [f"| `{_argument(parameter)}` | {_cell(parameter.help)} |" for parameter in arguments]
        lines += [""]
    lines += ["| option | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| {_names(parameter)} | {_default(parameter)} | {_cell(parameter.help)} |" for parameter in options]
    return "\n".join([*lines, ""])


def _paragraphs(text: str) -> list[str]:
    return [re.sub(r"``([^`]+)``", r"`\1`", line) for line in text.strip().splitlines()]


def _argument(parameter: Any) -> str:
    name = parameter.name.upper() + ("…" if parameter.nargs == -1 or parameter.multiple else "")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> str:
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    if parameter.is_flag or parameter.default is None or callable(parameter.default):
        return ""
    value = parameter.default
    return f"`{','.join(map(str, value)) if isinstance(value, list | tuple) else value}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    """Write the page to the file that the command line names, or to standard output."""
    if len(sys.argv) > 1:
        with staged_file(Path(sys.argv[1])) as stage:
            stage.write_text(markdown(), encoding="utf-8")
    else:
        sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
