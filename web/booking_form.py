"""The booking form: what its fields mean as a plan, or what is wrong at which field. Pure.

All times are Hanoi's, whatever the zones of server and browser. A field that is
sent as it was shown keeps what is stored to the last detail, so that opening a
meeting and saving it unchanged changes nothing (FC-c10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from directory.search import matches, search_key
from directory.sites import Pasted, Site, read_pasted
from directory.tabular.formulas import is_formula_like
from scheduler.booking import AGENDA, MOST_SITES, TITLE, Plan
from scheduler.errors import ImpossibleError
from scheduler.localtime import DEFAULT_ZONE, FIRST_YEAR, LAST_YEAR, format_date, format_time, instant, local
from scheduler.model.meetings import MEETING_KINDS
from scheduler.states import LONGEST_REASON
from web.forms import read_date, read_time
from web.rendering import clean

LENGTHS: Final = (15, 30, 45, 60, 75, 90, 120, 150, 180, 210, 240, 300, 360, 480, 600, 720)
"""Minutes that the form offers."""
LONGEST_MINUTES: Final = 24 * 60
MOST_LINES: Final = 10_000
MOST_PASTED: Final = 1_000_000
"""Characters of a pasted list."""
LISTED_LINES: Final = 100
"""Lines of each sort that a report about a pasted list shows."""
PICK: Final = "pick:"
"""Begins the names of fields that say which site a line means; the line's search key follows."""
LEAVE_OUT: Final = "-"
"""Value of such a field: this line invites nobody."""

FIELDS: Final[tuple[str, ...]] = (
    "title",
    "kind",
    "chair",
    "secretary",
    "day",
    "begin",
    "minutes",
    "sites",
    "paste",
    "agenda",
    "reason",
)
"""In the order of the page, which is that of the error summary."""

_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field: a key of the catalogue and what is filled into it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Who:
    """A person who can be chosen."""

    id: int
    name: str
    title: str = ""
    login: str = ""

    @property
    def key(self) -> str:
        """What a search looks at."""
        return search_key(self.login, self.name, self.title)


@dataclass(frozen=True, slots=True)
class SiteGroup:
    """A named set of sites."""

    id: int
    name: str
    endpoint_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class District:
    """The sites of one district; those without one have an empty code."""

    code: str
    name: str
    sites: tuple[Site, ...]

    @property
    def ids(self) -> frozenset[int]:
        """Their numbers."""
        return frozenset(site.id for site in self.sites)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form lets choose. ``gone`` are sites that a meeting has and that are in use no more."""

    sites: tuple[Site, ...] = ()
    groups: tuple[SiteGroup, ...] = ()
    secretaries: tuple[Who, ...] = ()
    gone: tuple[Site, ...] = ()

    @property
    def districts(self) -> list[District]:
        """The sites by district, in their order."""
        found: dict[str, list[Site]] = {}
        for site in self.sites:
            found.setdefault(site.district_code, []).append(site)
        return [District(code, sites[0].district, tuple(sites)) for code, sites in found.items()]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the pasted list that several sites could mean."""

    number: int
    words: str
    sites: tuple[Site, ...]
    picked: str
    """Code of the site that was picked, :data:`LEAVE_OUT`, or nothing yet."""

    @property
    def name(self) -> str:
        """Of its field. Lines of the same words are one question."""
        return PICK + search_key(self.words)


@dataclass(frozen=True, slots=True)
class Pasting:
    """What became of the pasted list. ``unknown`` and ``ambiguous`` are the first of each sort."""

    found: int = 0
    unknown: tuple[tuple[int, str], ...] = ()
    ambiguous: tuple[Line, ...] = ()
    unknown_count: int = 0
    open_count: int = 0
    """Ambiguous lines for which nothing is picked."""
    ignored: bool = False
    """Whether unknown lines were said to be left out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The form as it was understood; ``plan`` is there if nothing is wrong."""

    plan: Plan | None
    errors: Mapping[str, Problem]
    chosen: frozenset[int]
    """All invited sites: by district, group, name and list."""
    wanted: Plan | None = None
    """As much of a plan as is needed to look for conflicts; there once the time is understood."""
    pasting: Pasting = Pasting()
    chairs: tuple[Who, ...] = ()
    """Among whom the chair has to be chosen."""


def text_of(fields: Fields, name: str) -> str:
    """The first value of a field, or nothing."""
    return next(iter(fields.get(name, ())), "")


def number_of(text: str) -> int | None:
    """A number of at most nine digits, or None."""
    return int(text) if _DIGITS.fullmatch(text) else None


def one_line(text: str) -> str:
    """A title without controls, marks of direction or line ends (FC-e07)."""
    plain: str = clean(" ".join(text.split()))
    return plain.strip()


def lines_of(text: str) -> str:
    """A text of lines as it is kept: line ends of one kind, none at the end."""
    plain: str = clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.rstrip()


def shown(plan: Plan, chair: str) -> dict[str, str | Sequence[str]]:
    """What stands in the fields for a plan, but for its sites."""
    start = local(plan.starts_at)
    return {
        "title": one_line(plan.title),
        "kind": plan.kind,
        "chair": chair,
        "chair_id": str(plan.chair_id),
        "secretary": str(plan.secretary_id),
        "day": format_date(start.date()),
        "begin": format_time(start.time()),
        "minutes": str(_minutes(plan)),
        "agenda": lines_of(plan.agenda),
    }


def fresh(day: date, secretary: int) -> dict[str, str | Sequence[str]]:
    """What stands in the fields of a new booking."""
    return {
        "kind": "briefing",
        "secretary": str(secretary),
        "day": format_date(day),
        "begin": "08:00",
        "minutes": "60",
    }


def next_working_day(today: date) -> date:
    """The first day after ``today`` on which offices are open, for the field of a new booking."""
    day = today + timedelta(1)
    while day.weekday() > 4:
        day += timedelta(1)
    return day


def ticked(choices: Choices, chosen: frozenset[int]) -> dict[str, list[str]]:
    """Which sites and which whole districts are ticked."""
    return {
        "sites": [site.code for site in (*choices.sites, *choices.gone) if site.id in chosen],
        "district": [one.code for one in choices.districts if one.ids <= chosen],
    }


def read_booking(
    fields: Fields, choices: Choices, chairs: Sequence[Who], *, base: Plan | None = None
) -> Reading:
    """Understand the form. ``chairs`` are the people whom its text for the chair could mean, with the
    one who was picked; ``base`` is the plan of the meeting that is changed."""
    errors: dict[str, Problem] = {}
    title = _title(fields, base, errors)
    kind = text_of(fields, "kind")
    if kind not in MEETING_KINDS:
        errors["kind"] = Problem("booking.kind.wrong")
    chair, doubtful = _chair(fields, chairs, errors)
    secretary = number_of(text_of(fields, "secretary"))
    if secretary not in {who.id for who in choices.secretaries}:
        errors["secretary"] = Problem("booking.secretary.wrong")
    span = _span(fields, base, errors)
    chosen, pasting = _sites(fields, choices, errors)
    agenda = _agenda(fields, base, errors)
    if len(text_of(fields, "reason")) > LONGEST_REASON:
        errors["reason"] = Problem("booking.too_long", {"most": LONGEST_REASON})
    wanted = None
    if span is not None and "sites" not in errors:
        zone = base.zone if base else DEFAULT_ZONE
        wanted = Plan(title, kind, chair or 0, secretary or 0, *span, zone, agenda, chosen)
    ordered = {name: errors[name] for name in FIELDS if name in errors}
    return Reading(None if errors else wanted, ordered, chosen, wanted, pasting, doubtful)


def _title(fields: Fields, base: Plan | None, errors: dict[str, Problem]) -> str:
    title = one_line(text_of(fields, "title"))
    if base is not None and title == one_line(base.title):
        return base.title
    if not search_key(title):
        errors["title"] = Problem("booking.title.empty")
    elif is_formula_like(title):
        # Lists of meetings go to spreadsheets, where it would run.
        errors["title"] = Problem("booking.title.formula")
    elif len(title) > TITLE:
        errors["title"] = Problem("booking.too_long", {"most": TITLE})
    return title


def _agenda(fields: Fields, base: Plan | None, errors: dict[str, Problem]) -> str:
    agenda = lines_of(text_of(fields, "agenda"))
    if base is not None and agenda == lines_of(base.agenda):
        return base.agenda
    if len(agenda) > AGENDA:
        errors["agenda"] = Problem("booking.too_long", {"most": AGENDA})
    return agenda


def _chair(
    fields: Fields, chairs: Sequence[Who], errors: dict[str, Problem]
) -> tuple[int | None, tuple[Who, ...]]:
    """The chair, or among whom to choose. Nobody is guessed: a picked person must fit the written name."""
    written = text_of(fields, "chair").strip()
    picked = number_of(text_of(fields, "chair_id"))
    meant = tuple(who for who in chairs if matches(written, who.key)) if search_key(written) else ()
    for who in chairs:
        if who.id == picked and (who in meant or not written):
            return who.id, (who,)
    whole = [who for who in meant if search_key(who.name) == search_key(written)]
    if len(whole) == 1:
        return whole[0].id, (whole[0],)
    if not written:
        errors["chair"] = Problem("booking.chair.empty")
        return None, tuple(chairs)
    errors["chair"] = Problem("booking.chair.several" if meant else "booking.chair.nobody", {"name": written})
    return None, meant


def _span(fields: Fields, base: Plan | None, errors: dict[str, Problem]) -> tuple[datetime, datetime] | None:
    day, begin = read_date(text_of(fields, "day")), read_time(text_of(fields, "begin"))
    minutes = number_of(text_of(fields, "minutes"))
    if day is None or not FIRST_YEAR < day.year < LAST_YEAR:
        errors["day"] = Problem("booking.day.wrong")
    if begin is None:
        errors["begin"] = Problem("booking.begin.wrong")
    if minutes is None or not 0 < minutes <= LONGEST_MINUTES:
        errors["minutes"] = Problem("booking.minutes.wrong")
    if base is not None and day is not None and begin is not None:
        there = local(base.starts_at)
        if (day, format_time(begin), minutes) == (there.date(), format_time(there.time()), _minutes(base)):
            # A booking that came through the API may have seconds, which the form does not show.
            return base.starts_at, base.ends_at
    if day is None or begin is None or minutes is None or {"day", "begin", "minutes"} & errors.keys():
        return None
    try:
        start = instant(day, begin)
    except ImpossibleError:
        errors["begin"] = Problem("booking.begin.wrong")
        return None
    return start, start + timedelta(minutes=minutes)


def _minutes(plan: Plan) -> int:
    return max(1, round((plan.ends_at - plan.starts_at).total_seconds() / 60))


def _sites(fields: Fields, choices: Choices, errors: dict[str, Problem]) -> tuple[frozenset[int], Pasting]:
    codes, districts = set(fields.get("sites", ())), set(fields.get("district", ()))
    groups = set(fields.get("group", ()))
    chosen = {site.id for site in (*choices.sites, *choices.gone) if site.code in codes}
    chosen |= {site.id for site in choices.sites if site.district_code in districts}
    in_use = {site.id for site in choices.sites}
    for group in choices.groups:
        if str(group.id) in groups:
            chosen |= group.endpoint_ids & in_use
    pasting = Pasting()
    text = text_of(fields, "paste")
    if text.strip():
        listed, pasting = _pasted(fields, choices.sites, text, errors)
        chosen |= listed
    if len(chosen) > MOST_SITES:
        errors["sites"] = Problem("booking.sites.many", {"most": MOST_SITES})
    elif gone := codes - {site.code for site in (*choices.sites, *choices.gone)}:
        # Ticked when the page was shown, and gone since: nobody is left out without a word.
        named = ", ".join(clean(code)[:20] for code in sorted(gone)[:3])
        errors["sites"] = Problem("booking.sites.gone_since", {"codes": named, "count": len(gone)})
    return frozenset(chosen), pasting


def _pasted(
    fields: Fields, sites: Sequence[Site], text: str, errors: dict[str, Problem]
) -> tuple[set[int], Pasting]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(text) > MOST_PASTED or len(lines) > MOST_LINES:
        errors["paste"] = Problem("booking.paste.long", {"most": MOST_LINES})
        return set(), Pasting()
    # Blanks of all kinds become one, so that numbers of lines are those that the person sees.
    read = read_pasted(sites, "\n".join(" ".join(line.split()) for line in lines))
    found = {site.id for site in read.sites}
    ambiguous = list(_questions(fields, read))
    for line in ambiguous:
        found |= {site.id for site in line.sites if site.code == line.picked}
    still_open = [line for line in ambiguous if not line.picked]
    ignored = text_of(fields, "ignore_unknown") == "yes"
    if still_open or (read.unknown and not ignored):
        errors["paste"] = Problem(
            "booking.paste.unclear",
            {"unknown": 0 if ignored else len(read.unknown), "ambiguous": len(still_open)},
        )
    return found, Pasting(
        len(found),
        read.unknown[:LISTED_LINES],
        tuple(ambiguous[:LISTED_LINES]),
        len(read.unknown),
        len(still_open),
        ignored,
    )


def _questions(fields: Fields, read: Pasted) -> Iterable[Line]:
    for number, words, sites in read.ambiguous:
        name = PICK + search_key(words)
        picked = text_of(fields, name)
        known = picked == LEAVE_OUT or picked in {site.code for site in sites}
        yield Line(number, words, sites, picked if known else "")
