"""Futures, and tasks that an executor runs."""

from __future__ import annotations

import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any


class Future:
    """The result of something not yet done."""

    def __init__(self, *, executor: Any = None) -> None:
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Future], Any]] = []
        self._lock = threading.Lock()
        self._executor = weakref.ref(executor) if executor is not None else lambda: None

    def __del__(self) -> None:
        if self._exception is not None and not self._exception_fetched:
            print(f"The following exception was never retrieved: {self._exception}", file=sys.stderr)

    def __await__(self) -> Generator[Future, None, Any]:
        while not self._done and not self._cancelled:
            yield self
        return self.result()

    def cancel(self) -> None:
        with self._lock:
            if self._done:
                return
            self._cancelled = True
        self._call_back()

    def cancelled(self) -> bool:
        return self._cancelled

    def done(self) -> bool:
        return self._done

    def result(self) -> Any:
        if self._exception:
            self._exception_fetched = True
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        self._exception_fetched = True
        return self._exception

    def set_result(self, result: Any) -> None:
        with self._lock:
            self._result = result
            self._done, self._cancelled = True, False
        self._call_back()

    def set_exception(self, exception: BaseException) -> None:
        with self._lock:
            self._exception = exception
            self._exception_fetched = False
            self._done, self._cancelled = True, False
        self._call_back()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        with self._lock:
            if not (self._done or self._cancelled):
                self._callbacks.append(callback)
                return
        self._run_callback(callback)

    def remove_done_callback(self, callback: Callable[[Any], Any]) -> bool:
        with self._lock:
            before = len(self._callbacks)
            self._callbacks = [kept for kept in self._callbacks if kept != callback]
            return len(self._callbacks) < before

    def _set_executor(self, executor: Any) -> None:
        self._executor = weakref.ref(executor)

    def _call_back(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._run_callback(callback)

    def _run_callback(self, callback: Callable[[Any], Any]) -> None:
        executor = self._executor()
        if executor is not None:
            executor.create_task(callback, self)
            return
        try:
            callback(self)
        except Exception as error:
            print(f"Unhandled exception in done callback: {error}", file=sys.stderr)


class Task(Future):
    """A function or coroutine run step by step; calling the task runs one step."""

    def __init__(self, handler: Callable[..., Any], args: Any = None, kwargs: Any = None, executor: Any = None) -> None:
        super().__init__(executor=executor)
        self._running = threading.Lock()
        self._awaited: Future | None = None
        if inspect.iscoroutinefunction(handler):
            self._handler: Any = handler(*(args or ()), **(kwargs or {}))
        elif inspect.iscoroutine(handler):
            self._handler = handler
        else:
            self._handler = lambda: handler(*(args or ()), **(kwargs or {}))

    def __call__(self) -> None:
        if self._done or self._cancelled or not self._running.acquire(blocking=False):
            return
        try:
            if inspect.iscoroutine(self._handler):
                try:
                    self._await(self._handler.send(None))
                except StopIteration as end:
                    self.set_result(end.value)
            else:
                self.set_result(self._handler())
        except Exception as error:
            self.set_exception(error)
        finally:
            self._running.release()

    def executing(self) -> bool:
        return self._running.locked()

    def ready(self) -> bool:
        """Whether a step can be taken: not under way, over, or waiting for another future."""
        awaited = self._awaited
        return not self.executing() and not self._done and (awaited is None or awaited.done() or awaited.cancelled())

    def _await(self, awaited: Future | None) -> None:
        self._awaited = awaited
        executor = self._executor()
        if awaited is not None and executor is not None:
            awaited.add_done_callback(lambda _: executor.wake())
