"""What became of each request: the last lines, and a notice for what was not granted."""

from __future__ import annotations

import threading
import time
from collections import deque
from html import escape

import viser

from sdm_cockpit.operator import Answer
from sdm_cockpit.page.palette import BLUISH_GREEN, ORANGE, VERMILLION, css

_LINES = 5
_NOTICE_S = 6.0
_WORDS = {True: ("done", BLUISH_GREEN), False: ("refused", VERMILLION), None: ("not answered", ORANGE)}


class AnswerLog:
    """Tells everybody on the page; may be used from any thread."""

    def __init__(self, server: viser.ViserServer) -> None:
        self._server = server
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._lock = threading.Lock()
        self._html = server.gui.add_html("")

    def of(self, request: str) -> Answer:
        """What answers `request`, its name in words."""
        return lambda granted, line: self.tell(request, granted, line)

    def tell(self, request: str, granted: bool | None, line: str) -> None:
        """Shows one answer."""
        word, colour = _WORDS[granted]
        text = (
            f'<div class="answer"><span>{time.strftime("%H:%M:%S")}</span> {escape(request)} '
            f'<b style="color:{css(colour)}">{word}</b>{": " + escape(line) if line else ""}</div>'
        )
        with self._lock:
            self._lines.appendleft(text)
            self._html.content = f'<div class="answers" role="log">{"".join(self._lines)}</div>'
        if granted:
            return
        for client in self._server.get_clients().values():
            client.add_notification(f"{request}: {word}", line, auto_close_seconds=_NOTICE_S, color=colour)
