"""The command ``zscope``: its commands, and how errors leave it."""

import os
import sys
import traceback

# Idle OpenMP threads that spin stop a machine on which anything else runs (k-means: 68 s instead of 3); waiting ones
# cost nothing. The libraries read this when they are loaded, so it stands before every other import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from importlib import import_module
from typing import Any

import typer
from typer.exceptions import Abort, TyperException

from zscope import __version__
from zscope.errors import ZscopeError

COMMANDS = {
    name.rstrip("_"): f"zscope.cli.{name}"
    for name in (
        *("data", "train", "encode", "measure", "sample", "path"),
        *("compare", "study", "report", "explore", "list_"),
    )
}
"""The module of each command, in the order of ``zscope --help``."""


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"zscope {__version__}\n")
        raise typer.Exit


def zscope(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Where the latent codes of autoencoders lie, what of it is chance, and from where to sample."""


def command_line(*names: str) -> typer.Typer:
    """Put commands together; only their modules are loaded, so that measuring codes does not load torch.

    Parameters
    ----------
    *names : str
        Commands; by default all.

    Returns
    -------
    typer.Typer
        What runs them.
    """
    app = typer.Typer(
        name="zscope",
        help="Where the latent codes of autoencoders lie, what of it is chance, and from where to sample.",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(zscope)
    for name in names or COMMANDS:
        import_module(COMMANDS[name]).register(app)
    return app


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: it failed, with one line on standard error. 2: it was called wrongly, with one line on standard error.
    ``--debug`` shows the traceback instead.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        app = command_line(*arguments[:1]) if arguments[:1] and arguments[0] in COMMANDS else command_line()
        code: Any = app(args=arguments, prog_name="zscope", standalone_mode=False)
        return int(code or 0)
    except ZscopeError as error:
        return _fail(str(error), error.exit_code, debug)
    except TyperException as error:
        # "No such option" and the like; the message of a bare `zscope` is its help.
        message = error.format_message()
        return _fail(message + _given(error, arguments), 0 if "Usage:" in message else error.exit_code, debug)
    except (KeyboardInterrupt, Abort):
        return _fail("interrupted", 1, debug)
    except BrokenPipeError:
        # The reader of standard output left (zscope … | head); nothing of ours failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError as error:
        fewer = "; fewer images (-n) need less" if "-n" in arguments else ""
        return _fail(f"not enough memory ({error or 'of this machine'}){fewer}", 1, debug)
    except OSError as error:
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1, debug)


def _given(error: TyperException, arguments: list[str]) -> str:
    """Say what the option was given, which typer's own message leaves out."""
    for option in getattr(getattr(error, "param", None), "opts", []):
        if option in arguments[:-1]:
            return f", got {arguments[arguments.index(option) + 1]}"
    return ""


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    one_line = " ".join(message.split()) if code else message
    sys.stderr.write(f"zscope: {one_line}\n" if code else f"{message}\n")
    return code


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
