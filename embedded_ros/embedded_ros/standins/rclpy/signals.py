"""Ending cleanly on SIGINT and SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from enum import IntEnum
from typing import Any


class SignalHandlerOptions(IntEnum):
    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3


contexts: weakref.WeakSet = weakref.WeakSet()  # those that a signal, or the program's end, shuts down
_installed: dict[int, Any] = {}  # signal → the handler that was there before
_pipe: tuple[int, int] | None = None


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Shut all contexts down on the signals, then call the handlers that were there (SIGINT's: KeyboardInterrupt)."""
    if threading.current_thread() is not threading.main_thread():
        return  # Python only takes signals in the main thread
    for number, option in (
        (signal.SIGINT, SignalHandlerOptions.SIGINT),
        (signal.SIGTERM, SignalHandlerOptions.SIGTERM),
    ):
        if options & option and number not in _installed:
            _installed[number] = signal.signal(number, _on_signal)
    if _installed:
        _start_waker()


def uninstall_signal_handlers() -> None:
    global _pipe
    if threading.current_thread() is not threading.main_thread():
        return
    for number, previous in _installed.items():
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, previous if previous is not None else signal.SIG_DFL)
    _installed.clear()
    if _pipe is not None:
        signal.set_wakeup_fd(-1)
        os.close(_pipe[1])  # ends the waker's read
        _pipe = None


def get_current_signal_handlers_options() -> SignalHandlerOptions:
    bits = (2 if signal.SIGTERM in _installed else 0) | (1 if signal.SIGINT in _installed else 0)
    return SignalHandlerOptions(bits)


def _on_signal(number: int, frame: object) -> None:
    for context in list(contexts):
        context._end()
    previous = _installed.get(number)
    if callable(previous):
        previous(number, frame)


def _start_waker() -> None:
    """Wake executors when a signal arrives: Python runs handlers only once the main thread is back from its C call."""
    global _pipe
    if _pipe is not None or not hasattr(os, "set_blocking"):
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if previous != -1:  # somebody else's loop (asyncio) has it: leave it there
        signal.set_wakeup_fd(previous)
        os.close(reader)
        os.close(writer)
        return
    _pipe = reader, writer

    def wake() -> None:
        while os.read(reader, 64):
            for context in list(contexts):
                context._wake_executors()
        os.close(reader)

    threading.Thread(target=wake, name="rclpy signal waker", daemon=True).start()
