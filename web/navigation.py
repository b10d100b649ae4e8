"""Who is at a page, and which ways lead on from it: one table, by role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ROLES: Final = ("official", "chair", "secretary", "it_staff", "administrator")
"""What a person may be; the same words as in the directory."""

ROLE_WORDS: Final = {
    "official": "role.official",
    "chair": "role.chair",
    "secretary": "role.secretary",
    "it_staff": "role.it_staff",
    "administrator": "role.administrator",
    "site": "role.site",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in, as pages show it. ``roles`` are of :data:`ROLES`, or ``site`` alone.

    Who is not ``at_work`` has to choose an own password first, and is led nowhere else.
    """

    name: str
    roles: frozenset[str]
    at_work: bool = True

    @property
    def account(self) -> bool:
        """Whether there is a page of this visitor's own account: sites have none."""
        return self.at_work and "site" not in self.roles

    @property
    def role_word(self) -> str:
        """The catalogue's key for the role that counts most here."""
        best = [role for role in reversed(ROLE_WORDS) if role in self.roles]
        return ROLE_WORDS[best[0]] if best else "role.none"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation; the icon is one of ``templates/ui/icons.html``."""

    path: str
    word: str
    icon: str
    roles: frozenset[str]


def _entry(path: str, word: str, icon: str, roles: Iterable[str] = ROLES) -> Entry:
    return Entry(path, word, icon, frozenset(roles))


ENTRIES: Final[tuple[Entry, ...]] = (
    _entry("/home", "nav.home", "home", (*ROLES, "site")),
    _entry("/kiosk", "kiosk.title", "site", ("site",)),
    _entry("/meetings", "nav.meetings", "calendar"),
    _entry("/meetings/new", "nav.book", "plus", ("secretary",)),
    _entry("/directory", "nav.directory", "site", ("secretary", "it_staff", "administrator")),
    _entry("/people", "nav.people", "people", ("administrator",)),
    _entry("/audit", "nav.audit", "list", ("administrator",)),
)
"""All pages that the navigation leads to, in its order. A page that hides here is not thereby forbidden:
rights are asked by the page itself."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry for one visitor on one page."""

    path: str
    word: str
    icon: str
    current: bool


def navigation(visitor: Visitor | None, path: str) -> list[Shown]:
    """What this visitor sees; the entry with the longest path that leads here is the current one."""
    if visitor is None or not visitor.at_work:
        return []
    mine = [entry for entry in ENTRIES if entry.roles & visitor.roles]
    leading = [entry.path for entry in mine if path == entry.path or path.startswith(entry.path + "/")]
    current = max(leading, key=len, default="")
    return [Shown(entry.path, entry.word, entry.icon, entry.path == current) for entry in mine]
