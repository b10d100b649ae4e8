"""The floor: who may do what, the order of those who ask, time, lines that are cut."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.errors import FloorError, RightError, SnapshotError
from scheduler.floor import COMMANDS, MOST_WAITING, RIGHTS, Actor, Command, Floor, Rules, replay
from scheduler.floor_state import ROLES, Event, Role, State

T = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
CHAIR = Actor("person:1", "chair")
CO_CHAIR = Actor("person:2", "chair")
SECRETARY = Actor("person:3", "secretary")


def after(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def site(number: int) -> Actor:
    return Actor(f"site:0000{number}", "site")


def meeting(sites: int = 5, rules: Rules | None = None) -> Floor:
    floor = Floor(rules)
    for actor in (CHAIR, CO_CHAIR, SECRETARY, *map(site, range(1, sites + 1))):
        floor.arrive(actor.member, actor.role, T)
    return floor


def kinds(events: Iterable[Event]) -> list[str]:
    return [event.kind for event in events]


def queue(floor: Floor) -> str:
    """The queue by the last characters: ``123`` for sites 1, 2, 3."""
    return "".join(key[-1] if key.startswith("site") else "C" for key in floor.state.queue)


def until(floor: Floor) -> datetime | None:
    """When the speaker's time is up."""
    return floor.state.until


def problem(floor: Floor, actor: Actor, command: Command) -> str:
    """Why a command is refused; it must leave no trace."""
    before = floor.snapshot()
    with pytest.raises(FloorError) as caught:
        floor.do(actor, command, T)
    assert floor.snapshot() == before
    return caught.value.problem


WHO: dict[str, set[str]] = {
    "ask": {"chair", "secretary", "site"},
    "withdraw": {"chair", "secretary", "site"},
    "finish": {"chair", "secretary", "site"},
    "lower": {"chair", "secretary"},
    "lower_all": {"chair", "secretary"},
    "give": {"chair"},
    "take_back": {"chair"},
    "mute": {"chair", "secretary"},
    "unmute": {"chair", "secretary"},
    "mute_all": {"chair", "secretary"},
    "admit": {"chair", "secretary"},
    "admit_all": {"chair", "secretary"},
    "remove": {"chair", "secretary"},
    "lock": {"chair", "secretary"},
    "unlock": {"chair", "secretary"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", COMMANDS)
def test_rights(kind: str, role: Role) -> None:
    floor = meeting()
    floor.do(site(2), Command("ask"), T)
    actor = {"chair": CHAIR, "secretary": SECRETARY, "site": site(1)}[role]
    command = Command(kind, target="site:00002")  # type: ignore[arg-type]
    before = floor.snapshot()
    if role in WHO[kind]:
        floor.do(actor, command, T)
    else:
        with pytest.raises(RightError) as caught:
            floor.do(actor, command, T)
        assert caught.value.details == {"role": role, "command": kind}
        assert floor.snapshot() == before


def test_rights_can_be_widened() -> None:
    floor = meeting(rules=Rules(rights={**RIGHTS, "give": frozenset(("chair", "secretary"))}))
    assert kinds(floor.do(SECRETARY, Command("give", "site:00001"), T)) == ["given"]


def test_a_stranger_cannot_ask() -> None:
    floor = meeting()
    assert problem(floor, site(9), Command("ask")) == "not_in_meeting"
    floor.depart(site(1).member, T)
    assert problem(floor, site(1), Command("ask")) == "not_in_meeting"


def test_fc_e04_the_order_of_those_who_ask() -> None:
    floor = meeting()
    for actor in (site(1), site(2), CHAIR, site(3), site(4), site(5)):
        assert kinds(floor.do(actor, Command("ask"), T)) == ["asked"]
    assert queue(floor) == "12C345"
    # A repeated press costs nothing.
    assert floor.do(site(1), Command("ask"), T) == ()
    floor.do(CHAIR, Command("lower", "site:00002"), T)
    assert queue(floor) == "1C345"
    floor.do(CHAIR, Command("give", "site:00001"), T)
    assert queue(floor) == "C345"
    # Site 3 reloads, site 4 is cut for ten seconds.
    floor.depart("site:00003", T)
    floor.arrive("site:00003", "site", after(1))
    floor.depart("site:00004", after(1))
    floor.arrive("site:00004", "site", after(11))
    assert queue(floor) == "C345"
    # Two chairs lower the same hand; the second time is no error.
    assert kinds(floor.do(CHAIR, Command("lower", "site:00005"), T)) == ["lowered"]
    assert floor.do(CO_CHAIR, Command("lower", "site:00005"), T) == ()
    # Asking again is a place at the end.
    floor.do(site(2), Command("ask"), T)
    assert queue(floor) == "C342"
    assert [floor.state.order(key) for key in floor.state.queue] == [1, 2, 3, 4]
    assert floor.state.order("site:00005") == 0
    floor.do(CHAIR, Command("lower_all"), T)
    assert queue(floor) == ""
    assert floor.state.holder == "site:00001"


def test_the_floor_goes_from_one_to_the_next() -> None:
    floor = meeting()
    floor.do(site(1), Command("ask"), T)
    assert kinds(floor.do(CHAIR, Command("give", "site:00001", seconds=180), T)) == ["given"]
    assert until(floor) == after(180)
    assert floor.state.may_speak("site:00001")
    assert not floor.state.may_speak("site:00002")
    assert problem(floor, site(1), Command("ask")) == "has_floor"
    events = floor.do(CHAIR, Command("give", "site:00002"), after(60))
    assert [(e.kind, e.member, e.reason) for e in events] == [
        ("taken", "site:00001", "given_on"),
        ("given", "site:00002", ""),
    ]
    assert not floor.state.may_speak("site:00001")
    assert until(floor) is None
    # A late press for site 1 does not take it from site 2.
    assert floor.do(CHAIR, Command("take_back", "site:00001"), after(61)) == ()
    assert floor.do(site(1), Command("finish"), after(61)) == ()
    assert kinds(floor.do(site(2), Command("finish"), after(62))) == ["taken"]
    assert floor.do(CHAIR, Command("take_back"), after(63)) == ()


def test_giving_without_a_name_is_to_the_first_who_is_there() -> None:
    floor = meeting()
    assert problem(floor, CHAIR, Command("give")) == "nobody_asks"
    floor.do(site(1), Command("ask"), T)
    floor.do(site(2), Command("ask"), T)
    floor.depart("site:00001", T)
    floor.do(CHAIR, Command("give"), T)
    assert floor.state.holder == "site:00002"
    assert queue(floor) == "1"


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (Command("give", "site:00009"), "unknown_member"),
        (Command("give", "site:00001"), "not_present"),
        (Command("give", "site:00002", seconds=0), "limit_impossible"),
        (Command("give", "site:00002", seconds=-3), "limit_impossible"),
        (Command("give", "site:00002", seconds=1e9), "limit_impossible"),
        (Command("give", "site:00002", seconds=float("nan")), "limit_impossible"),
        (Command("give", "site:00002", seconds=float("inf")), "limit_impossible"),
        (Command("mute", "site:00009"), "unknown_member"),
        (Command("unmute", ""), "unknown_member"),
        (Command("admit", "site:00009"), "unknown_member"),
        (Command("remove", "site:00009"), "unknown_member"),
        (Command("remove", "person:2"), "is_chair"),
        (Command("remove", "site:00002", reason="x" * 401), "reason_too_long"),
    ],
)
def test_senseless_commands_are_refused_and_change_nothing(command: Command, wanted: str) -> None:
    floor = meeting()
    floor.depart("site:00001", T)
    assert problem(floor, CHAIR, command) == wanted


def test_time_up_is_told_once_and_leaves_the_floor_to_the_chair() -> None:
    floor = meeting()
    floor.do(CHAIR, Command("give", "site:00001", seconds=60), T)
    assert floor.deadline() == after(60)
    assert floor.tick(after(59.9)) == ()
    assert kinds(floor.tick(after(60))) == ["time_up"]
    assert floor.tick(after(61)) == ()
    assert floor.state.holder == "site:00001"
    assert floor.deadline() is None
    # Given again: a new time.
    assert kinds(floor.do(CHAIR, Command("give", "site:00001", seconds=30), after(70))) == ["given"]
    assert not floor.state.time_is_up
    assert floor.deadline() == after(100)


def test_time_up_may_take_the_floor_back() -> None:
    floor = meeting(rules=Rules(take_back_at_time_up=True))
    floor.do(CHAIR, Command("give", "site:00001", seconds=60), T)
    assert kinds(floor.tick(after(60))) == ["time_up", "taken"]
    assert floor.state.holder == ""


def test_a_holder_who_is_cut_keeps_the_floor_for_the_grace() -> None:
    floor = meeting()
    floor.do(CHAIR, Command("give", "site:00001"), T)
    assert [e.until for e in floor.depart("site:00001", after(1))] == [after(21)]
    assert floor.tick(after(20)) == ()
    floor.arrive("site:00001", "site", after(20.5))
    assert floor.deadline() is None
    assert floor.tick(after(60)) == ()
    assert floor.state.holder == "site:00001"
    assert floor.state.may_speak("site:00001")
    floor.depart("site:00001", after(60))
    assert [(e.kind, e.reason) for e in floor.tick(after(80))] == [("taken", "away")]
    floor.arrive("site:00001", "site", after(90))
    assert not floor.state.may_speak("site:00001")


def test_leaving_by_ones_own_will_gives_up_place_and_floor() -> None:
    floor = meeting()
    floor.do(CHAIR, Command("give", "site:00001"), T)
    floor.do(site(2), Command("ask"), T)
    assert kinds(floor.depart("site:00001", T, for_good=True)) == ["taken", "left"]
    assert kinds(floor.depart("site:00002", T, for_good=True)) == ["withdrawn", "left"]
    assert floor.depart("site:00002", T) == ()
    assert floor.depart("site:00009", T) == ()


def test_mute_one_and_all() -> None:
    floor = meeting()
    floor.do(CHAIR, Command("give", "site:00001"), T)
    floor.do(CHAIR, Command("unmute", "site:00002"), T)
    assert floor.do(CHAIR, Command("unmute", "site:00002"), T) == ()
    assert kinds(floor.do(SECRETARY, Command("mute_all"), T)) == ["muted_all"]
    heard = [key for key in floor.state.members if floor.state.may_speak(key)]
    assert heard == ["person:1", "person:2", "site:00001"]
    assert floor.do(SECRETARY, Command("mute_all"), T) == ()
    assert kinds(floor.do(CHAIR, Command("mute", "site:00001"), T)) == ["muted"]
    assert floor.state.holder == "site:00001"
    assert not floor.state.may_speak("site:00001")


def test_lobby_lock_and_removal() -> None:
    floor = meeting(rules=Rules(lobby=True), sites=0)
    assert kinds(floor.arrive("site:00001", "site", T)) == ["waiting"]
    assert floor.arrive("site:00001", "site", T) == ()
    assert kinds(floor.do(CHAIR, Command("admit", "site:00001"), T)) == ["admitted"]
    assert floor.do(CO_CHAIR, Command("admit", "site:00001"), T) == ()
    assert kinds(floor.arrive("site:00002", "site", T)) == ["waiting"]
    assert kinds(floor.depart("site:00002", T)) == ["waiting_ended"]
    floor.arrive("site:00003", "site", T)
    floor.arrive("site:00004", "site", T)
    assert [e.member for e in floor.do(SECRETARY, Command("admit_all"), T)] == ["site:00003", "site:00004"]
    # Once let in, a cut costs no new wait.
    floor.depart("site:00003", T)
    assert kinds(floor.arrive("site:00003", "site", T)) == ["joined"]


def test_a_locked_meeting_lets_back_in_who_was_in() -> None:
    floor = meeting(sites=1)
    assert kinds(floor.do(CHAIR, Command("lock"), T)) == ["locked"]
    assert floor.do(CO_CHAIR, Command("lock"), T) == ()
    floor.depart("site:00001", T)
    assert kinds(floor.arrive("site:00001", "site", T)) == ["joined"]
    assert kinds(floor.arrive("site:00002", "site", T)) == ["waiting"]
    assert kinds(floor.arrive("person:9", "chair", T)) == ["joined"]
    assert kinds(floor.do(CHAIR, Command("unlock"), T)) == ["unlocked"]
    assert kinds(floor.arrive("site:00003", "site", T)) == ["joined"]
    assert kinds(floor.arrive("site:00004", "site", T, invited=False)) == ["waiting"]


def test_fc_a03_who_was_put_out_waits_until_admitted_anew() -> None:
    floor = meeting()
    floor.do(site(1), Command("ask"), T)
    floor.do(CHAIR, Command("give", "site:00002"), T)
    assert kinds(floor.do(CHAIR, Command("remove", "site:00001", reason=" gây rối "), T)) == [
        "lowered",
        "removed",
    ]
    assert kinds(floor.do(CHAIR, Command("remove", "site:00002"), T)) == ["taken", "removed"]
    assert floor.do(CO_CHAIR, Command("remove", "site:00002"), T) == ()
    assert kinds(floor.arrive("site:00001", "site", T)) == ["waiting"]
    assert problem(floor, site(1), Command("ask")) == "not_in_meeting"
    # Refused at the door: out again, and waiting again after that.
    assert kinds(floor.do(CHAIR, Command("remove", "site:00001"), T)) == ["removed"]
    floor.arrive("site:00001", "site", T)
    floor.do(CHAIR, Command("admit", "site:00001"), T)
    assert kinds(floor.do(site(1), Command("ask"), T)) == ["asked"]
    assert floor.state.removed == {"site:00002"}


def test_the_lobby_is_bounded() -> None:
    floor = meeting(rules=Rules(lobby=True), sites=0)
    for number in range(MOST_WAITING):
        floor.arrive(f"site:{number}", "site", T)
    with pytest.raises(FloorError) as caught:
        floor.arrive("site:last", "site", T)
    assert caught.value.problem == "full"


def test_after_a_restart_all_are_away_and_places_stay() -> None:
    floor = meeting()
    floor.do(site(1), Command("ask"), T)
    floor.do(CHAIR, Command("give", "site:00002"), T)
    floor.arrive("site:9", "site", T, invited=False)
    again = Floor.restore(json.loads(json.dumps(floor.snapshot())))
    assert set(kinds(again.restarted(after(5)))) == {"left", "waiting_ended"}
    assert not any(member.present for member in again.state.members.values())
    assert queue(again) == "1"
    assert again.deadline() == after(25)


def damaged(**changes: object) -> dict[str, object]:
    floor = meeting()
    floor.do(site(1), Command("ask"), T)
    floor.do(CHAIR, Command("give", "site:00002", seconds=60), T)
    return {**floor.snapshot(), **changes}


@pytest.mark.parametrize(
    "plain",
    [
        {},
        damaged(version=2),
        damaged(sequence=-1),
        damaged(sequence=True),
        damaged(queue=["site:00001", "site:00001"]),
        damaged(queue=["site:9"]),
        damaged(queue=["site:00002"]),
        damaged(queue=7),
        damaged(holder="site:9"),
        damaged(holder=""),
        damaged(holder=None),
        damaged(since=None),
        damaged(since="heute"),
        damaged(since="2026-12-01"),
        damaged(locked="no"),
        damaged(lobby=[["site:00001", "site"]]),
        damaged(removed=["site:00001"]),
        damaged(members=[["site:00001", "king", True, True]]),
        damaged(members=[["site:00001"]]),
    ],
)
def test_damaged_snapshots_are_refused(plain: dict[str, object]) -> None:
    with pytest.raises(SnapshotError):
        State.restore(plain)


def test_events_that_do_not_fit_are_refused() -> None:
    for event in (
        Event(2, T, "locked"),
        Event(1, T, "given", "site:1"),
        Event(1, T, "withdrawn", "site:1"),
        Event(1, T, "left", "site:1"),
        Event(1, T, "taken", "site:1"),
    ):
        with pytest.raises(SnapshotError):
            replay([event])


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"sequence": 1, "at": "2026-12-01T00:00:00+00:00", "kind": "apply"},
        {"sequence": "1", "at": "2026-12-01T00:00:00+00:00", "kind": "locked"},
        {"sequence": 1, "at": "2026-12-01T00:00:00", "kind": "locked"},
        {"sequence": 1, "at": "2026-12-01T00:00:00+00:00", "kind": "joined", "role": "king"},
        {"sequence": 1, "at": "2026-12-01T00:00:00+00:00", "kind": "locked", "member": 3},
    ],
)
def test_damaged_events_are_refused(plain: dict[str, object]) -> None:
    with pytest.raises(SnapshotError):
        Event.from_dict(plain)
