"""Snapshot, deltas and resuming; slow receivers; and that any course of things leaves all pages right."""

import json
from dataclasses import replace

import pytest
from channel_world import CHAIR, SECRETARY, START, VIEW, Page, World, site
from hypothesis import given
from hypothesis import strategies as st

from scheduler.channel.hub import Hub
from scheduler.channel.messages import FloorView, Hello, MeetingView, Waiting
from scheduler.channel.mirror import Mirror
from scheduler.channel.roster import RosterEntry
from scheduler.channel.session import Limits, Moment, Session
from scheduler.errors import MessageError
from scheduler.floor import Rules
from scheduler.floor_state import Role

NOW = Moment(START, 0.0)
HELLO = Hello((1,))


def hub(limits: Limits | None = None) -> Hub:
    return Hub(VIEW, "e1", limits or Limits())


def receiver(one: Hub, role: Role = "site", hello: Hello = HELLO) -> Session:
    session = Session("site:1" if role == "site" else "person:1", role, NOW, one.limits)
    one.welcome(session, hello, NOW)
    return session


def taken(session: Session) -> list[str]:
    return list(iter(session.take, None))


def kinds(texts: list[str]) -> list[str]:
    return [json.loads(text)["type"] for text in texts]


def change(one: Hub, number: int) -> None:
    """One more delta."""
    one.put(RosterEntry("site:1", f"Phường {number}"), NOW)
    assert one.flush(NOW)


def test_a_delta_has_what_changed_and_nothing_else() -> None:
    one = hub()
    entry = RosterEntry("site:1", "Phường 1")
    one.put(entry, NOW)
    one.flush(NOW)
    session = receiver(one)
    taken(session)
    one.put(replace(entry, order=2, muted=True), NOW)
    one.put(RosterEntry("site:2", "Phường 2"), NOW)
    one.floor = FloorView("site:2", START)
    one.flush(NOW)
    delta = json.loads(taken(session)[0])
    assert delta["roster"][0] == {"key": "site:1", "order": 2, "muted": True}
    assert delta["roster"][1] == RosterEntry("site:2", "Phường 2").plain()
    assert set(delta) == {"type", "sequence", "at", "roster", "floor"}
    # There and back between two deltas is no change.
    one.put(entry, NOW)
    one.put(replace(entry, order=2, muted=True), NOW)
    assert not one.flush(NOW)
    one.drop("site:2", NOW)
    one.flush(NOW)
    assert json.loads(taken(session)[0])["gone"] == ["site:2"]


def test_the_roster_alone_waits_and_the_floor_does_not() -> None:
    one = hub(Limits(coalesce=0.2))
    assert one.deadline() is None
    one.put(RosterEntry("site:1", "Phường 1"), Moment(START, 5.0))
    one.put(RosterEntry("site:2", "Phường 2"), Moment(START, 5.1))
    assert one.deadline() == 5.2
    one.floor = FloorView("site:1", START)
    assert one.deadline() == 0.0
    one.flush(NOW)
    assert one.deadline() is None


def test_the_text_is_made_once_for_all() -> None:
    one = hub()
    sessions = [receiver(one) for _ in range(50)] + [receiver(one, "chair") for _ in range(3)]
    for session in sessions:
        taken(session)
    before = one.serialised
    change(one, 1)
    assert one.serialised == before + 2
    texts = [session.take() for session in sessions]
    assert len({id(text) for text in texts[:50]}) == 1


def test_only_leaders_see_the_lobby() -> None:
    one = hub()
    chair, other = receiver(one, "chair"), receiver(one)
    one.lobby = (Waiting("site:9", "Phường 9"),)
    one.flush(NOW)
    assert "lobby" in json.loads(taken(chair)[-1])
    assert "site:9" not in "".join(taken(other))
    assert json.loads(taken(receiver(one, "secretary"))[1])["lobby"][0]["key"] == "site:9"
    assert "site:9" not in "".join(taken(receiver(one)))
    one.lobby = ()
    one.flush(NOW)
    assert json.loads(taken(chair)[-1])["lobby"] == []


@pytest.mark.parametrize(
    ("epoch", "sequence", "wanted"),
    [
        ("e1-sites", 20, ["welcome"]),
        ("e1-sites", 18, ["welcome", "delta", "delta"]),
        ("e1-sites", 10, ["welcome", *["delta"] * 10]),
        # Older than what is kept; newer than what there is; another life; another audience; nothing.
        ("e1-sites", 9, ["welcome", "snapshot"]),
        ("e1-sites", 21, ["welcome", "snapshot"]),
        ("e0-sites", 20, ["welcome", "snapshot"]),
        ("e1-leaders", 20, ["welcome", "snapshot"]),
        ("", 0, ["welcome", "snapshot"]),
    ],
)
def test_coming_again(epoch: str, sequence: int, wanted: list[str]) -> None:
    one = hub(Limits(history_messages=10))
    for number in range(20):
        change(one, number)
    texts = taken(receiver(one, hello=Hello((1,), epoch, sequence)))
    assert kinds(texts) == wanted
    assert json.loads(texts[0])["resumed"] == ("snapshot" not in wanted)


def test_a_snapshot_fits_the_next_delta_whatever_waits_to_be_told() -> None:
    one = hub()
    change(one, 1)
    one.put(RosterEntry("site:2", "Phường 2"), NOW)
    one.flush(NOW)
    one.drop("site:2", NOW)
    session = receiver(one)
    mirror = Mirror()
    one.flush(NOW)
    for text in taken(session):
        mirror.receive(text)
    assert mirror.roster == one.roster == {"site:1": RosterEntry("site:1", "Phường 1")}


def test_the_history_is_bounded_by_size_too() -> None:
    one = hub(Limits(history_characters=1_000))
    for number in range(20):
        change(one, number)
    assert kinds(taken(receiver(one, hello=Hello((1,), "e1-sites", 0)))) == ["welcome", "snapshot"]
    assert kinds(taken(receiver(one, hello=Hello((1,), "e1-sites", 19)))) == ["welcome", "delta"]


def test_a_long_way_back_is_a_snapshot() -> None:
    one = hub(Limits(outbox_messages=8))
    for number in range(20):
        change(one, number)
    assert kinds(taken(receiver(one, hello=Hello((1,), "e1-sites", 15)))) == ["welcome", "snapshot"]
    assert kinds(taken(receiver(one, hello=Hello((1,), "e1-sites", 16)))) == ["welcome", *["delta"] * 4]


def test_fc_e08_the_slow_are_closed_and_the_others_get_everything() -> None:
    one = hub(Limits(outbox_messages=16))
    good = [receiver(one) for _ in range(37)]
    slow = [receiver(one) for _ in range(5)]
    gone = [receiver(one) for _ in range(5)]
    seen: list[list[str]] = [taken(session) for session in good]
    for number in range(100):
        if number == 5:
            for session in gone:
                one.forget(session)
                one.forget(session)
        change(one, number)
        for texts, session in zip(seen, good, strict=True):
            texts += taken(session)
    for texts in seen:
        deltas = [json.loads(text)["sequence"] for text in texts if '"delta"' in text]
        assert deltas == list(range(1, 101))
    for session in slow:
        assert session.closing == "too_slow"
        last = json.loads(taken(session)[-1])
        # Welcome, snapshot and 14 deltas waited; the fifteenth was one too many.
        assert last == {"type": "closing", "code": "too_slow", "dropped": 17}
    assert all(not session.closing for session in gone)


def test_a_mirror_refuses_gaps_and_nonsense() -> None:
    one = hub()
    session = receiver(one)
    texts = taken(session)
    for number in range(3):
        change(one, number)
    deltas = taken(session)
    mirror = Mirror()
    with pytest.raises(MessageError):
        mirror.receive(deltas[0])
    for text in texts:
        mirror.receive(text)
    mirror.receive(deltas[0])
    for text in (
        deltas[0],
        deltas[2],
        '{"type":"ask","id":"a"}',
        '{"type":"delta","sequence":2,"at":0,"gone":["site:77"]}',
        '{"type":"delta","sequence":2,"at":0,"roster":[{"key":"site:77"}]}',
        '{"type":"delta","sequence":2,"at":0,"roster":[{"key":"site:1","presence":"asleep"}]}',
        '{"type":"delta","sequence":2,"at":1e99}',
    ):
        with pytest.raises(MessageError):
            mirror.receive(text)
        assert mirror.sequence == 1
    mirror.receive(deltas[1])
    assert mirror.roster == {"site:1": RosterEntry("site:1", "Phường 1")}


def test_fc_e07_names_with_markup_and_overrides_are_text() -> None:
    world = World(sites=0)
    name = 'Tổ 5 <img src=x onerror=alert(1)>\u202e{{ 7*7 }}\x00"'
    world.live.set_view(MeetingView("Giao ban <b>tuần</b> & \u202e", "open", VIEW.starts_at, VIEW.ends_at))
    chair = world.page(replace(CHAIR, key="person:8", name=name))
    world.settle()
    assert chair.mirror.roster["person:8"].name == 'Tổ 5 <img src=x onerror=alert(1)>{{ 7*7 }}"'
    assert chair.mirror.meeting is not None
    assert chair.mirror.meeting.title == "Giao ban <b>tuần</b> & "


PEOPLE = [CHAIR, SECRETARY, *map(site, range(1, 5))]
KEYS = [person.key for person in PEOPLE]
presses = st.one_of(
    st.tuples(
        st.sampled_from(["ask", "withdraw", "finish", "lower_all", "mute_all", "admit_all", "lock", "unlock"])
    ),
    st.tuples(
        st.sampled_from(["lower", "give", "take_back", "mute", "unmute", "admit", "remove"]),
        st.sampled_from(KEYS),
    ),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("press"), st.integers(0, 5), presses),
        st.tuples(st.just("cut"), st.integers(0, 5)),
        st.tuples(st.just("join"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("read"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(0, 30)),
    ),
    max_size=50,
)


@given(st.booleans(), steps)
def test_whatever_happens_all_pages_that_are_in_show_the_same(lobby: bool, plan: list) -> None:  # type: ignore[type-arg]
    world = World(4, rules=Rules(lobby=lobby), limits=Limits(per_second=1e6, history_messages=8))
    pages = [world.page(person) for person in PEOPLE]
    for step in plan:
        match step:
            case ("wait", seconds):
                world.wait(seconds)
            case ("press", who, (kind, *target)):
                if pages[who].session is not None and not pages[who].session.closing:
                    pages[who].press(kind, **({"target": target[0]} if target else {}))
            case ("read", who):
                pages[who].read()
            case ("cut", who):
                if pages[who].session is not None:
                    pages[who].cut()
            case ("join", who, resume):
                if pages[who].session is None:
                    pages[who].join(resume=resume)
    world.settle()
    state = world.live.floor.state
    for page in pages:
        if page.session is None or page.session.closing:
            continue
        assert page.session.state == ("in" if page.person.key in state.members else "waiting")
        if page.session.state == "in":
            assert_right(world, page)


def assert_right(world: World, page: Page) -> None:
    mirror, state = page.mirror, world.live.floor.state
    assert mirror.roster == world.live.hub.roster
    assert mirror.floor == world.live.hub.floor
    assert mirror.queue() == state.queue
    assert [key for key, entry in mirror.roster.items() if entry.has_floor] == [state.holder] * bool(
        state.holder
    )
    for key, member in state.members.items():
        entry = mirror.roster[key]
        assert (entry.presence in ("present", "late"), entry.muted) == (member.present, member.muted)
    if page.person.role != "site":
        assert [one.key for one in mirror.lobby] == list(state.lobby)
