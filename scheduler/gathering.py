"""Work that looks at everything when it runs, asked for often: at most one run goes and one waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Gathered:
    """Runs ``work``; who asks during a run shares the one after it, since this one may have looked already.

    ``await run()`` returns after a run that began after the call. An exception reaches all who waited for
    that run.
    """

    __slots__ = ("_next", "_running", "_work")

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._running = False
        self._next: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._running

    async def run(self) -> None:
        """Run now, or share the next run."""
        if self._running:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._next)
            return
        self._running = True
        try:
            await self._work()
        finally:
            waiting, self._next = self._next, None
            if waiting is None:
                self._running = False
            else:
                # The one who ran does not wait for the others' run.
                task = asyncio.get_running_loop().create_task(self._again(waiting))
                _TASKS.add(task)
                task.add_done_callback(_TASKS.discard)

    async def _again(self, waiting: asyncio.Future[None]) -> None:
        self._running = False
        try:
            await self.run()
        except Exception as error:
            if not waiting.done():
                waiting.set_exception(error)
                # Those who were cancelled meanwhile do not ask for it.
                waiting.exception()
        else:
            if not waiting.done():
                waiting.set_result(None)


_TASKS: set[asyncio.Task[None]] = set()
"""Runs under way; a task that nobody holds may be collected."""
