"""Rights cell by cell, against a table written out here by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.access.principal import Principal
from directory.access.rights import TABLE, Action, Scope, may, may_for_some, scope
from directory.model.people import ROLES

COLUMNS = ("official", "chair", "secretary", "it_staff", "administrator", "site", "agent")
CELLS = """
view_sites               all  all  all  all  all  -    -
change_sites             -    -    -    all  all  -    -
import_sites             -    -    -    all  all  -    -
change_groups            -    -    all  all  all  -    -
change_units             -    -    -    -    all  -    -
view_people              -    all  all  all  all  -    -
change_people            -    -    -    -    all  -    -
view_meetings            own  all  all  all  all  own  -
book_meetings            -    -    all  -    -    -    -
join_meetings            own  all  all  all  -    own  -
lead_meetings            -    all  all  -    -    -    -
ask_for_the_floor        own  all  all  -    -    own  -
view_attendance          own  all  all  all  all  -    -
give_head_count          own  -    all  -    -    own  -
speak_as_site            -    -    -    -    -    own  -
report_readings          -    -    -    -    -    -    own
view_audit               -    -    -    -    all  -    -
view_credentials         -    -    -    all  all  -    -
issue_site_credentials   -    -    -    all  all  -    -
issue_person_credentials -    -    -    -    all  -    -
"""
ROWS = [line.split() for line in CELLS.strip().splitlines()]
EACH = [(name, Action(row[0]), cell) for row in ROWS for name, cell in zip(COLUMNS, row[1:], strict=True)]

MINE, OTHER = 7, 8


def principal(*roles: str, kind: str = "person", must_change: bool = False) -> Principal:
    return Principal(
        kind,  # type: ignore[arg-type]
        1,
        "somebody",
        "0" * 64,
        "c",
        roles=frozenset(roles),
        unit_ids=frozenset({MINE}),
        reach=frozenset({MINE, 70, 71}),
        must_change=must_change,
    )


def one(name: str) -> Principal:
    return principal(kind=name) if name in ("site", "agent") else principal(name)


def test_the_table_here_has_all_roles_and_actions() -> None:
    assert {row[0] for row in ROWS} == {action.value for action in Action}
    assert len(ROWS) == len(Action)
    assert set(COLUMNS) == {*ROLES, "site", "agent"} == set(TABLE)
    assert len(EACH) == 140


@pytest.mark.parametrize(("name", "action", "cell"), EACH)
def test_each_cell(name: str, action: Action, cell: str) -> None:
    somebody = one(name)
    everywhere, own = cell == "all", cell in ("own", "all")
    assert may(somebody, action, unit_ids={MINE}) is own
    assert may(somebody, action, unit_ids={70, 71}) is own
    assert may(somebody, action, unit_ids={OTHER}) is everywhere
    assert may(somebody, action, unit_ids={MINE, OTHER}) is everywhere
    assert may(somebody, action, unit_ids=()) is everywhere
    assert may(somebody, action) is own
    assert may_for_some(somebody, action, {MINE, OTHER}) is own
    assert may_for_some(somebody, action, {OTHER}) is everywhere
    assert may_for_some(somebody, action, ()) is everywhere
    assert may(replace(somebody, must_change=True), action, unit_ids={MINE}) is False
    assert may_for_some(replace(somebody, must_change=True), action, {MINE}) is False
    nowhere = replace(somebody, unit_ids=frozenset(), reach=frozenset())
    assert may(nowhere, action) is everywhere
    assert may(nowhere, action, unit_ids={MINE}) is everywhere


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize(
    "roles", [(), ("site",), ("agent",), ("person",), ("Administrator",), ("nobody",)], ids=str
)
def test_what_is_no_role_gives_nothing(roles: tuple[str, ...], action: Action) -> None:
    assert not may(principal(*roles), action)
    assert not may(principal(*roles), action, unit_ids={MINE})


def test_roles_of_a_site_give_nothing() -> None:
    site = principal("administrator", kind="site")
    assert not may(site, Action.CHANGE_PEOPLE)
    assert scope(site, Action.SPEAK_AS_SITE) is Scope.OWN


@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(list(Action)), st.frozensets(st.integers(5, 9)))
def test_rights_of_several_roles_add_up(roles: set[str], action: Action, units: frozenset[int]) -> None:
    each = any(may(one(role), action, unit_ids=units) for role in roles)
    assert may(principal(*roles), action, unit_ids=units) is each
