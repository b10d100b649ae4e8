"""Who and what is in the demonstration, as its processes hand it on. Light to import."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

FILE = "demo.json"
"""In the state folder, for its owner alone: it holds passwords and keys."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person of the demonstration. ``role`` is the directory's word."""

    role: str
    login: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"SignIn({self.role!r}, {self.login!r})"


@dataclass(frozen=True, slots=True)
class SiteKey:
    """A site's device and its key."""

    code: str
    name: str
    district: str
    key: str

    def __repr__(self) -> str:
        return f"SiteKey({self.code!r})"


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that the demonstration prints or hands on."""

    people: tuple[SignIn, ...]
    kiosks: tuple[SiteKey, ...]
    simulated: tuple[SiteKey, ...]
    open_meeting: str
    coming_meeting: str
    coming_at: str

    def to_json(self) -> str:
        """For the file that only its owner may read."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Demo:
        """What :meth:`to_json` wrote."""
        plain = json.loads(text)
        return cls(
            tuple(SignIn(**one) for one in plain["people"]),
            tuple(SiteKey(**one) for one in plain["kiosks"]),
            tuple(SiteKey(**one) for one in plain["simulated"]),
            plain["open_meeting"],
            plain["coming_meeting"],
            plain["coming_at"],
        )
