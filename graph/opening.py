"""What can be opened by `with` and by `async with`: `Opening`; and `unwind_on_sigterm`, which closes it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Generic, NoReturn, TypeVar

import anyio.from_thread

T = TypeVar("T")


class Opening(Generic[T]):
    """A context manager for both worlds over an async one. In `with` it lives on an event loop of its own."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._async: AbstractAsyncContextManager[T] | None = None
        self._sync = ExitStack()

    async def __aenter__(self) -> T:
        self._async = self._make()
        return await self._async.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._async:
            await self._async.__aexit__(kind, error, trace)

    def __enter__(self) -> T:
        with ExitStack() as stack:
            stack.enter_context(unwind_on_sigterm())  # the loop's own thread may set no handler
            portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
            opened = stack.enter_context(portal.wrap_async_context_manager(self._make()))
            self._sync = stack.pop_all()
        return opened

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sync.__exit__(kind, error, trace)


@contextmanager
def unwind_on_sigterm() -> Iterator[None]:
    """While inside, SIGTERM unwinds the main thread as Ctrl+C does, so that what is open is closed.

    Does nothing off the main thread, or when the program has a handler: then ending well is its own care.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is _unwind:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _unwind(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
