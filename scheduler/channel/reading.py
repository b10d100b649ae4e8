"""Strict reading of JSON from strangers: types, sizes and characters are checked, nothing is coerced."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

from scheduler.errors import MessageError

T = TypeVar("T")

#: Largest integer that JSON in a browser carries exactly.
MOST: Final = 2**53 - 1

# Controls but tab and line feed, lone surrogates, and overrides of the writing direction.
_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def clean(text: str, most: int) -> str:
    """``text`` as :meth:`Fields.text` takes it: without what is refused there, cut to ``most`` characters."""
    return _UNFIT.sub("", text)[:most]


def load(text: str, most: int) -> Fields:
    """The JSON object in ``text`` of at most ``most`` characters.

    Raises MessageError ``too_large`` or ``not_json``.
    """
    if len(text) > most:
        raise MessageError("too large", problem="too_large", most=most)
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        # ValueError is also what too long integers give.
        raise MessageError("not JSON", problem="not_json") from None
    if not isinstance(values, dict):
        raise MessageError("not an object", problem="not_json")
    return Fields(values)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


class Fields:
    """The fields of one object. Readers raise MessageError ``bad_field`` with ``field``.

    Fields that nobody asks for are passed over: a newer client may send them.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, most: int, default: str | None = None) -> str:
        """A text of at most ``most`` characters, without control characters."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or len(value) > most or _UNFIT.search(value):
            self.refuse(name)
        return value

    def choice(self, name: str, among: tuple[T, ...]) -> T:
        """One of ``among``."""
        value = self._values.get(name)
        for one in among:
            if value == one and type(value) is type(one):
                return one
        self.refuse(name)

    def integer(self, name: str, least: int = 0, most: int = MOST) -> int:
        """A whole number; true and 1.0 are none."""
        value = self._values.get(name)
        if type(value) is not int or not least <= value <= most:
            self.refuse(name)
        return value

    def optional_integer(self, name: str, least: int = 0, most: int = MOST) -> int | None:
        """A whole number, or None if it is missing or null."""
        return self.integer(name, least, most) if name in self else None

    def optional_number(self, name: str, least: float, most: float) -> float | None:
        """A finite number, or None if it is missing or null."""
        if name not in self:
            return None
        value = self._values[name]
        if type(value) not in (int, float) or not least <= value <= most or not math.isfinite(value):
            self.refuse(name)
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            self.refuse(name)
        return value

    def inner(self, name: str) -> Fields:
        """An object."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            self.refuse(name)
        return Fields(value, f"{self._path}{name}.")

    def inners(self, name: str, most: int) -> list[Fields]:
        """A list of at most ``most`` objects; missing is empty."""
        return [self._inner(name, value) for value in self._list(name, most)]

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """A list of at most ``most`` texts; missing is empty."""
        values = self._list(name, most)
        return tuple(Fields({name: value}, self._path).text(name, longest) for value in values)

    def integers(self, name: str, most: int) -> tuple[int, ...]:
        """A list of at most ``most`` whole numbers; missing is empty."""
        values = self._list(name, most)
        return tuple(Fields({name: value}, self._path).integer(name) for value in values)

    def optional(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """What ``read`` makes of an object, or None if it is missing or null."""
        return read(self.inner(name)) if name in self else None

    def _inner(self, name: str, value: object) -> Fields:
        if not isinstance(value, dict):
            self.refuse(name)
        return Fields(value, f"{self._path}{name}.")

    def _list(self, name: str, most: int) -> list[Any]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            self.refuse(name)
        return value

    def refuse(self, name: str) -> NoReturn:
        """Refuse the field ``name``."""
        raise MessageError(f"bad field {self._path}{name}", problem="bad_field", field=self._path + name)
