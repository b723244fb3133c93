"""From a call's name and JSON to its answer: what the server and the notebook's widget share."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future

from zscope.errors import ParameterError, ZscopeError
from zscope.explorer.calls import CALLS, CallParameters, parameters_of
from zscope.explorer.scheduler import BusyError, Lane, SupersededError
from zscope.study.explore import Answer, Exploration

LANES = ("reads", "quick", "long")
"""Each is a thread."""

_LOG = logging.getLogger("zscope.explorer")


class Answering:
    """The calls of one exploration, answered in lanes.

    Parameters
    ----------
    exploration : Exploration
        What is looked at.
    """

    def __init__(self, exploration: Exploration) -> None:
        self.exploration = exploration
        self._lanes: dict[str, Lane[tuple[str, CallParameters], Answer]] = {
            name: Lane(name, self._answered) for name in LANES
        }

    def call(self, name: str, content: object) -> "Future[Answer]":
        """Let a call wait for its turn.

        Parameters
        ----------
        name : str
            In `CALLS`.
        content : object
            Its parameters, from JSON.

        Returns
        -------
        Future
            Of the answer, or of what is wrong with the call.

        Raises
        ------
        ParameterError
            There is no such call, or its parameters are out of their bounds.
        """
        if name not in CALLS:
            raise ParameterError("call", f"be one of {', '.join(CALLS)}", name[:80])
        call = CALLS[name]
        parameters = parameters_of(call, content)
        group = (name, getattr(parameters, "run", None)) if call.together else None
        return self._lanes[call.lane_of(parameters)].submit((name, parameters), group=group, stream=parameters.stream)

    def close(self) -> None:
        """End the lanes."""
        for lane in self._lanes.values():
            lane.close()

    def _answered(self, several: Sequence[tuple[str, CallParameters]]) -> Sequence["Answer | Exception"]:
        """Answer calls of one name."""
        return CALLS[several[0][0]].answer(self.exploration, [parameters for _, parameters in several])


def described(error: Exception) -> tuple[str, str, int]:
    """Say what went wrong: its kind, one line for people, and the HTTP status.

    Parameters
    ----------
    error : Exception
        From a call.

    Returns
    -------
    kind : str
        ``superseded``, ``busy``, ``parameter``, ``codes`` or ``internal``.
    says : str
        One line, without what only the program's authors need; that goes to the log.
    status : int
        200, 503, 422 or 500.
    """
    line = " ".join(str(error).split())
    if isinstance(error, SupersededError):
        return "superseded", line, 200  # nothing is wrong: browsers write every status from 400 on into their console
    if isinstance(error, BusyError):
        return "busy", line, 503
    if isinstance(error, ZscopeError):
        return ("parameter" if isinstance(error, ParameterError) else "codes"), line, 422
    if isinstance(error, MemoryError):
        return "codes", "not enough memory for this call", 422
    _LOG.error("a call failed", exc_info=error)
    return "internal", f"a defect of zscope ({type(error).__name__}): the terminal shows more", 500
