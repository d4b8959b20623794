from __future__ import annotations

import asyncio
import signal
import threading
import traceback
from collections.abc import Iterable

from launch.event import Event
from launch.events import Shutdown
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.logging import close_log_file, get_logger, open_log_file

_logger = get_logger("launch")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LaunchService:
    """Runs launch descriptions: visits their actions, handles events, and ends with every process stopped."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False, debug: bool = False) -> None:
        self.__context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self.__debug = debug
        self.__included: list[LaunchDescription] = []

    @property
    def context(self) -> LaunchContext:
        return self.__context

    def include_launch_description(self, launch_description: LaunchDescription) -> None:
        """Have the description visited when the service runs."""
        self.__included.append(launch_description)

    def emit_event(self, event: Event) -> None:
        """Queue an event; may be called from any thread."""
        loop = self.__context.asyncio_loop
        if loop is None:
            self.__context.emit_event_sync(event)
        else:
            loop.call_soon_threadsafe(self.__context.emit_event_sync, event)

    def shutdown(self) -> None:
        """End the launch; may be called from any thread."""
        self.emit_event(Shutdown(reason="LaunchService.shutdown() called"))

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """Run to the end; the exit code is 1 when an action or handler raised or a required process failed, else 0.

        It ends when nothing runs any more (if `shutdown_when_idle`), on a Shutdown event, and on SIGINT, SIGTERM
        or SIGHUP, which end the processes in order.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("LaunchService can only be run in the main thread.")
        folder = open_log_file()
        if folder is not None:
            _logger.info("All log files can be found below %s", folder)
        try:
            return asyncio.run(self.run_async(shutdown_when_idle=shutdown_when_idle))
        finally:
            close_log_file()

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """As `run`, within a running loop of the main thread."""
        context = self.__context
        loop = context.asyncio_loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.__on_signal, number)
        next_event = loop.create_task(context._event_queue.get())
        try:
            self.__guarded(self.__visit_included)
            while True:
                context._futures = {future for future in context._futures if not future.done()}
                if next_event.done():
                    event = next_event.result()
                    next_event = loop.create_task(context._event_queue.get())
                    # Before the handlers see it: what they return must not start processes any more.
                    context.is_shutdown |= isinstance(event, Shutdown)
                    self.__guarded(lambda event=event: context.process_event(event))
                elif context._futures or not context._event_queue.empty():
                    await asyncio.wait({next_event, *context._futures}, return_when=asyncio.FIRST_COMPLETED)
                elif context.is_shutdown:
                    return context.exit_code
                elif shutdown_when_idle:
                    context.emit_event_sync(Shutdown(reason="idle"))
                else:
                    await next_event
        finally:
            next_event.cancel()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
            context.asyncio_loop = None

    def __visit_included(self) -> None:
        for description in self.__included:
            self.__context.visit(description)
        self.__included.clear()

    def __guarded(self, step) -> None:
        """Run one step; what it raises ends the launch with exit code 1, the processes stopped in order."""
        try:
            step()
        except Exception as error:
            if self.__debug:
                traceback.print_exc()
            _logger.error("Caught exception in launch (see debug for traceback): %s", error)
            self.__context.exit_code = 1
            if not self.__context.is_shutdown:  # else a handler that raises on Shutdown would be asked for ever
                self.__context.emit_event_sync(Shutdown(reason=f"Caught exception in launch: {error}"))

    def __on_signal(self, number: signal.Signals) -> None:
        text = "user interrupted with ctrl-c (SIGINT)" if number == signal.SIGINT else f"received {number.name}"
        if self.__context.is_shutdown:
            _logger.warning("%s again, ignoring...", text)
            return
        # At once: a second signal before the event is processed must not count as a first.
        self.__context.is_shutdown = True
        self.__context.emit_event_sync(Shutdown(reason=text, due_to_sigint=number == signal.SIGINT))
        _logger.warning("%s", text)
