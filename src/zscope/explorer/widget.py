"""The explorer in a notebook, as a widget."""

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from zscope.explorer.answering import Answering, described
from zscope.explorer.bundle import bundle, styles
from zscope.explorer.envelope import packed
from zscope.study.explore import Answer, open_exploration

RENDER = """
function render({ model, el }) {
  const home = document.createElement("div");
  home.style.height = `${model.get("height")}px`;
  el.append(home);
  const transport = new WidgetTransport(model);
  const mounted = mountExplorer(home, transport);
  return () => {
    mounted.destroy();
    transport.close();
  };
}
export default { render };
"""


class Explorer(anywidget.AnyWidget):
    """What `zscope.explore` gives: the explorer in the output of a notebook's cell.

    Parameters
    ----------
    answering : Answering
        Who answers the calls of the page.
    height : int
        Of the explorer, in pixels.
    """

    _esm = bundle(exported=False) + RENDER
    _css = styles()
    height = traitlets.Int(720).tag(sync=True)

    def __init__(self, answering: Answering, height: int = 720) -> None:
        super().__init__(height=height)
        self._answering = answering
        self.on_msg(self._called)

    def _called(self, _: Any, content: dict[str, Any], __: Any) -> None:
        """Answer a call: in a kernel when the answer is there, so that it can go on with cells and other calls."""
        number = content.get("call")
        future: Future[Answer]
        try:
            future = self._answering.call(str(content.get("name")), content.get("parameters"))
        except Exception as error:  # every error leaves in one shape; those of the program are logged
            future = Future()
            future.set_exception(error)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._answered(number, future)
        else:
            # Messages are sent by the kernel's own thread.
            future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._answered, number, done))

    def _answered(self, number: Any, future: "Future[Answer]") -> None:
        try:
            answer = future.result()
            self.send({"call": number}, [packed(answer.data, answer.buffers)])
        except Exception as error:  # as above
            kind, says, _status = described(error)
            self.send({"call": number, "error": {"kind": kind, "says": says}})

    def close(self) -> None:
        """Close the widget, and end the threads that answer it."""
        self._answering.close()
        super().close()


def explore(*paths: str | Path, height: int = 720, **options: Any) -> Explorer:
    """Show the explorer in a notebook.

    Parameters
    ----------
    *paths : str or Path
        Run folders, one study folder, or a file of codes, as for ``zscope explore``.
    height : int
        Of the explorer, in pixels.
    **options
        ``labels``, ``images`` (of a file of codes), ``device``.

    Returns
    -------
    Explorer
        A widget; the last line of a cell shows it.

    Raises
    ------
    ZscopeError
        What there is to look at cannot be opened.
    """
    return Explorer(Answering(open_exploration([Path(path) for path in paths], **options)), height)
