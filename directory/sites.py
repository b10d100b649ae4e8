"""Sites as lists show them: an endpoint with its unit, district and old names, found as people type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.errors import NotFoundError
from directory.model import Endpoint, Group, GroupMember, Unit
from directory.search import matches, search_key


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint in one line. ``key`` is what a search looks at; equal names differ in district and code."""

    id: int
    code: str
    name: str
    unit_id: int
    unit_code: str
    kind: str
    district_id: int | None
    district_code: str
    district: str
    main: bool
    commissioning: str
    line_type: str
    key: str

    @property
    def title(self) -> str:
        """Name and district, which together tell sites apart."""
        return f"{self.name}, {self.district}" if self.district else self.name


_Above = aliased(Unit)


async def all_sites(
    session: AsyncSession, *conditions: ColumnElement[bool], retired: bool = False
) -> list[Site]:
    """All sites in use, or the ``retired`` ones, by district and code; ``conditions`` narrow that down."""
    those = Endpoint.retired_at.is_not(None) if retired else Endpoint.retired_at.is_(None)
    rows = await session.execute(
        select(Endpoint, Unit, _Above)
        .join(Unit, Endpoint.unit_id == Unit.id)
        .outerjoin(_Above, Unit.parent_id == _Above.id)
        .where(those, *conditions)
        .order_by(_Above.code, Endpoint.code)
    )
    return [site_of(endpoint, unit, above) for endpoint, unit, above in rows]


def site_of(endpoint: Endpoint, unit: Unit, above: Unit | None) -> Site:
    """A site from its endpoint, its unit, and the unit above that, if any."""
    # Where the city itself stands above the unit there is no district.
    district = above if above is not None and above.parent_id is not None else None
    return Site(
        id=endpoint.id,
        code=endpoint.code,
        name=endpoint.name,
        unit_id=unit.id,
        unit_code=unit.code,
        kind=unit.kind,
        district_id=district.id if district else None,
        district_code=district.code if district else "",
        district=district.name if district else "",
        main=endpoint.main,
        commissioning=endpoint.commissioning,
        line_type=endpoint.line_type,
        key=endpoint.search,
    )


async def site_by_code(session: AsyncSession, code: str) -> Site:
    """One site. Raises NotFoundError."""
    found = await all_sites(session, Endpoint.code == code)
    if not found:
        raise NotFoundError(f"no site {code}", code=code)
    return found[0]


async def sites_of_group(session: AsyncSession, group_id: int) -> list[Site]:
    """The sites of a group. Raises NotFoundError."""
    if await session.get(Group, group_id) is None:
        raise NotFoundError(f"no group {group_id}", group=group_id)
    members = select(GroupMember.endpoint_id).where(GroupMember.group_id == group_id)
    return await all_sites(session, Endpoint.id.in_(members))


def find(sites: Iterable[Site], query: str) -> list[Site]:
    """The sites that ``query`` means, in their order: words of code, name, district or an old name."""
    return [site for site in sites if matches(query, site.key)]


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a pasted list means: the sites, and each line that means none or several, with its number."""

    sites: tuple[Site, ...]
    unknown: tuple[tuple[int, str], ...]
    ambiguous: tuple[tuple[int, str, tuple[Site, ...]], ...]


def read_pasted(sites: Sequence[Site], text: str) -> Pasted:
    """Sites of a list that somebody pasted: one a line, by code, by name, or by name and district.

    A line that several sites could mean is not guessed. Sites that stand there twice count once.
    """
    by_code = {site.code: site for site in sites}
    by_name: dict[str, list[Site]] = {}
    for site in sites:
        for name in {search_key(site.name), search_key(site.name, site.district)}:
            by_name.setdefault(name, []).append(site)
    found: dict[str, Site] = {}
    unknown: list[tuple[int, str]] = []
    ambiguous: list[tuple[int, str, tuple[Site, ...]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip(" \t,;-•*\u00a0")
        if not words:
            continue
        code = words.split()[0].strip(",;:")
        meant = [by_code[code]] if code in by_code else by_name.get(search_key(words), [])
        if len(meant) == 1:
            found[meant[0].code] = meant[0]
        elif meant:
            ambiguous.append((number, words[:200], tuple(meant)))
        else:
            unknown.append((number, words[:200]))
    return Pasted(tuple(found.values()), tuple(unknown), tuple(ambiguous))
