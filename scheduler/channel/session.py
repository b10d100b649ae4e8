"""One receiver of the meeting channel: hello first, then requests; limits on size, rate and silence.

Driving it: :meth:`Session.receive` for each text that arrives, then
:meth:`Session.take` until None; :meth:`Session.tick` at :meth:`Session.deadline`.
Once ``closing`` is set and nothing is left to take, the WebSocket is closed
with that word's code. Nothing here raises for what a client sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from scheduler.channel.messages import CLOSE_CODES, VERSIONS, ClientMessage, Hello, encode, parse_client
from scheduler.channel.outbox import MOST_CHARACTERS, MOST_MESSAGES, Outbox
from scheduler.errors import MessageError, SchedulerError
from scheduler.floor_state import Role


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks: aware wall time for people, monotonic seconds for timers."""

    wall: datetime
    mono: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the channel; times are in seconds."""

    #: Changes of the roster alone are gathered for so long, in a storm of joins.
    coalesce: float = 0.2
    hello_within: float = 10.0
    #: A client sends *ping* this often when it has nothing else to say, and is cut off after the silence.
    ping_every: float = 15.0
    silent_after: float = 45.0
    #: Requests: so many at once, and so many more each second.
    burst: float = 20.0
    per_second: float = 5.0
    most_bad: int = 10
    outbox_messages: int = MOST_MESSAGES
    outbox_characters: int = MOST_CHARACTERS
    #: Deltas that are kept for those who come again.
    history_messages: int = 1_000
    history_characters: int = 2 * 1024 * 1024


State = Literal["new", "waiting", "in", "closed"]

DEFAULT: Final = Limits()


class Session:
    """A connection of ``member`` in ``role``, both as the server knows them."""

    def __init__(self, member: str, role: Role, now: Moment, limits: Limits = DEFAULT) -> None:
        self.member = member
        self.role: Role = role
        self.state: State = "new"
        #: The word of the closing; empty while it is open.
        self.closing = ""
        self.bad_messages = 0
        self._limits = limits
        self._outbox = Outbox(limits.outbox_messages, limits.outbox_characters)
        self._last: str | None = None
        self._heard_at = now.mono
        self._tokens = limits.burst
        self._filled_at = now.mono

    @property
    def dropped(self) -> int:
        """How many messages were dropped because the receiver was too slow."""
        return self._outbox.dropped

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code once all is taken; None while there is something to send or to hear."""
        if not self.closing or self._last is not None or len(self._outbox):
            return None
        return CLOSE_CODES[self.closing]

    def receive(self, text: str, now: Moment) -> ClientMessage | None:
        """The message to act upon; None for one that was answered here already."""
        if self.closing:
            return None
        self._heard_at = now.mono
        if not self._allow(now):
            self._bad()
            self.refuse("", MessageError("too fast", problem="too_fast"))
            return None
        try:
            message = parse_client(text)
        except MessageError as error:
            self._bad()
            if not self.closing:
                self.refuse(str(error.details.get("id", "")), error)
            return None
        if isinstance(message, Hello):
            return self._hello(message)
        if self.state == "new":
            self.close("hello_expected")
            return None
        return message

    def _hello(self, message: Hello) -> Hello | None:
        if self.state != "new":
            self._bad()
            self.refuse("", MessageError("a second hello", problem="hello_twice"))
            return None
        if not set(message.versions) & set(VERSIONS):
            self.close("version")
            return None
        return message

    def _allow(self, now: Moment) -> bool:
        gained = max(0.0, now.mono - self._filled_at) * self._limits.per_second
        self._tokens = min(self._limits.burst, self._tokens + gained)
        self._filled_at = now.mono
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _bad(self) -> None:
        self.bad_messages += 1
        if self.bad_messages > self._limits.most_bad:
            self.close("bad_messages")

    def refuse(self, request_id: str, error: SchedulerError) -> None:
        """Answer a request with the code, and what a page needs for a sentence."""
        field = error.details.get("field")
        self.send(
            encode(
                "refused",
                id=request_id,
                code=error.code,
                problem=error.problem or None,
                field=field if isinstance(field, str) else None,
            )
        )

    def send(self, text: str) -> None:
        """Queue a text; a receiver that has too many of them waiting is closed."""
        if not self.closing and not self._outbox.put(text):
            self.close("too_slow")

    def close(self, word: str) -> None:
        """Say why, and end after what waits. The first word stands."""
        if self.closing:
            return
        self.closing, self.state = word, "closed"
        self._last = encode("closing", code=word, dropped=self.dropped or None)

    def take(self) -> str | None:
        """The next text to send; to be called when the last one has left, not before."""
        text = self._outbox.take()
        if text is None:
            text, self._last = self._last, None
        return text

    def tick(self, now: Moment) -> None:
        """Close it if it has been silent for too long."""
        if now.mono >= self.deadline():
            self.close("hello_expected" if self.state == "new" else "silent")

    def deadline(self) -> float:
        """The monotonic time at which :meth:`tick` closes it; infinite for a closed one."""
        if self.closing:
            return float("inf")
        wait = self._limits.hello_within if self.state == "new" else self._limits.silent_after
        return self._heard_at + wait
