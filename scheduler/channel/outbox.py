"""What waits to be sent to one receiver: bounded, and it says what it dropped."""

from __future__ import annotations

from collections import deque
from typing import Final

MOST_MESSAGES: Final = 256
MOST_CHARACTERS: Final = 4 * 1024 * 1024


class Outbox:
    """Texts for one receiver, first in, first out.

    A text over the bounds overflows it for good: all that waits is dropped
    (``dropped`` counts it) and nothing is taken in any more. A receiver with a
    gap in its deltas would show a wrong state, so it is cut off and comes again.
    """

    __slots__ = ("_characters", "_most_characters", "_most_messages", "_texts", "dropped")

    def __init__(self, most_messages: int = MOST_MESSAGES, most_characters: int = MOST_CHARACTERS) -> None:
        self._texts: deque[str] = deque()
        self._characters = 0
        self._most_messages = most_messages
        self._most_characters = most_characters
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: str) -> bool:
        """Take in ``text``; False if it overflowed, now or before."""
        if self.dropped:
            self.dropped += 1
            return False
        if len(self._texts) >= self._most_messages or self._characters + len(text) > self._most_characters:
            self.dropped = len(self._texts) + 1
            self.clear()
            return False
        self._texts.append(text)
        self._characters += len(text)
        return True

    def take(self) -> str | None:
        """The next text, or None."""
        if not self._texts:
            return None
        text = self._texts.popleft()
        self._characters -= len(text)
        return text

    def clear(self) -> None:
        """Forget all that waits."""
        self._texts.clear()
        self._characters = 0
