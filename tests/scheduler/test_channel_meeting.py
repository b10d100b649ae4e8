"""A running meeting told to its pages (FC-e04, FC-a03), without any socket."""

import json
from datetime import timedelta

import pytest
from channel_world import CHAIR, CO_CHAIR, SECRETARY, START, VIEW, Page, World, site

from scheduler.channel.meeting import MOST_SESSIONS_OF_ONE, LiveMeeting, Person
from scheduler.channel.messages import MeetingView
from scheduler.channel.session import DEFAULT, Limits
from scheduler.floor import Floor, Rules, replay


def same(world: World) -> None:
    """All pages that are in show what the server has, numbers without gaps; the log gives the same floor."""
    world.settle()
    hub = world.live.hub
    for page in world.pages:
        if page.session is None:
            continue
        assert page.mirror.roster == hub.roster
        assert page.mirror.floor == hub.floor
        assert page.mirror.sequence == hub.sequence
        assert page.mirror.lobby == (() if page.person.role == "site" else hub.lobby)
    orders = sorted(entry.order for entry in hub.roster.values() if entry.order)
    assert orders == list(range(1, len(orders) + 1))
    assert replay(world.events) == world.live.floor.state


def presence(page: Page, member: str) -> str:
    """What the page shows about a member's presence."""
    return page.mirror.roster[member].presence


def waits(page: Page) -> bool:
    """Whether the page shows that it waits for admission."""
    return page.mirror.waiting


def queue(page: Page) -> list[str]:
    return [key.rpartition(":")[2].lstrip("0") for key in page.mirror.queue()]


def test_fc_e04_whose_hand_is_up() -> None:
    world = World()
    chair, co_chair = world.page(CHAIR), world.page(CO_CHAIR)
    sites = {number: world.page(site(number)) for number in range(1, 6)}
    same(world)
    for page in (sites[1], sites[2], chair, sites[3], sites[4], sites[5]):
        assert page.press("ask") == ("done", "")
        same(world)
    assert queue(chair) == ["1", "2", "1", "3", "4", "5"]
    assert chair.mirror.roster["person:1"].order == 3
    assert chair.press("lower", target="site:00002") == ("done", "")
    same(world)
    # The speaker's own button follows.
    assert sites[2].mirror.roster["site:00002"].order == 0
    assert chair.press("give", target="site:00001", seconds=180) == ("done", "")
    same(world)
    assert sites[1].mirror.roster["site:00001"].has_floor
    assert not sites[1].mirror.roster["site:00001"].muted
    assert world.outcomes[-2].speak == {"site:00001": True}
    # Site 3 reloads: a page without memory. Site 4 is cut for ten seconds, in the middle of things.
    sites[3].cut()
    sites[4].cut()
    same(world)
    assert chair.mirror.roster["site:00003"].presence == "absent"
    sites[3].join(resume=False)
    world.wait(10)
    same(world)
    sites[4].join()
    same(world)
    assert sites[4].mirror.resumed
    assert not sites[3].mirror.resumed
    assert queue(sites[3]) == queue(sites[4]) == ["1", "3", "4", "5"]
    assert sites[4].mirror.roster["site:00004"].order == 3
    # Both chairs lower 5 in the same second.
    assert chair.press("lower", target="site:00005") == ("done", "")
    assert co_chair.press("lower", target="site:00005") == ("done", "")
    same(world)
    assert sites[2].press("ask") == ("done", "")
    same(world)
    assert queue(sites[5]) == ["1", "3", "4", "2"]
    assert chair.press("lower_all") == ("done", "")
    same(world)
    assert queue(sites[2]) == []
    assert chair.mirror.floor.holder == "site:00001"


def test_a_role_without_the_right_is_refused_and_nothing_changes() -> None:
    world = World()
    one, secretary = world.page(site(1)), world.page(SECRETARY)
    same(world)
    before = world.live.hub.sequence, world.live.floor.snapshot()
    for kind, fields in (
        ("give", {"target": "site:00001"}),
        ("mute_all", {}),
        ("remove", {"target": "person:3"}),
        ("end", {}),
        ("admit_all", {}),
    ):
        assert one.press(kind, **fields) == ("no_right", "")
    assert secretary.press("give", target="site:00001") == ("no_right", "")
    assert secretary.press("head_count", count=3) == ("no_right", "")
    assert secretary.press("mute", target="site:00009") == ("floor", "unknown_member")
    # What a browser says of itself changes nothing.
    assert one.press("give", target="site:00001", role="chair", member="person:1") == ("no_right", "")
    assert (world.live.hub.sequence, world.live.floor.snapshot()) == before


def test_fc_a03_removed_and_back_only_through_the_lobby() -> None:
    world = World()
    chair, one, other = world.page(CHAIR), world.page(site(1)), world.page(site(2))
    same(world)
    one.cut()
    assert chair.press("remove", target="site:00001", reason="gây rối") == ("done", "")
    one.join()
    world.settle()
    assert waits(one)
    assert one.types == ["welcome"]
    assert [waiting.name for waiting in chair.mirror.lobby] == ["Phường 1"]
    assert other.mirror.lobby == ()
    assert one.press("ask") == ("floor", "not_in_meeting")
    assert one.press("head_count", count=5) == ("floor", "not_in_meeting")
    assert chair.press("admit", target="site:00001") == ("done", "")
    same(world)
    assert not waits(one)
    assert one.press("ask") == ("done", "")
    same(world)
    # Put out while it is there: told why, and not to come again by itself.
    assert chair.press("remove", target="site:00001") == ("done", "")
    one.read()
    assert (one.mirror.closing, one.mirror.comes_again) == ("removed", False)
    assert one.session is not None
    assert one.session.close_code == 4006


def test_a_site_has_one_device_and_the_one_thrown_out_stays_away() -> None:
    world = World()
    first = world.page(site(1))
    first.press("ask")
    second = world.page(site(1))
    world.settle()
    assert first.mirror.closing == "taken_over"
    assert not first.mirror.comes_again
    first.cut()
    same(world)
    assert second.mirror.roster["site:00001"].presence == "present"
    assert second.mirror.roster["site:00001"].order == 1
    second.cut()
    assert not world.live.floor.state.members["site:00001"].present


def test_a_person_may_have_several_pages_but_not_any_number() -> None:
    world = World()
    pages = [world.page(CHAIR) for _ in range(MOST_SESSIONS_OF_ONE + 1)]
    world.settle()
    assert [page.mirror.closing for page in pages] == [""] * MOST_SESSIONS_OF_ONE + ["full"]
    pages[0].cut()
    assert world.live.floor.state.members[CHAIR.key].present


def test_leaving_by_will_gives_up_the_place_and_a_cut_does_not() -> None:
    world = World()
    one, two = world.page(site(1)), world.page(site(2))
    one.press("ask")
    two.press("ask")
    one.cut()
    assert two.press("leave") == ("done", "")
    assert two.mirror.closing == "left"
    two.cut()
    assert world.live.floor.state.queue == ["site:00001"]


def test_presence_goes_by_the_clock() -> None:
    world = World()
    chair, one = world.page(CHAIR), world.page(site(1))
    same(world)
    assert {e.key: e.presence for e in chair.mirror.roster.values() if e.role == "site"} == {
        "site:00001": "present",
        **{f"site:0000{n}": "invited" for n in range(2, 6)},
    }
    wall, _ = world.live.deadlines()
    assert wall == START + timedelta(minutes=15)
    for _ in range(90):
        chair.say(type="ping", id="p")
        one.say(type="ping", id="p")
        world.wait(10)
    same(world)
    assert chair.mirror.roster["site:00002"].presence == "absent"
    late = world.page(site(2))
    same(world)
    assert late.mirror.roster["site:00002"].presence == "late"
    one.cut()
    same(world)
    assert presence(chair, "site:00001") == "absent"
    # Who was in time is not late for having been cut.
    one.join()
    same(world)
    assert presence(chair, "site:00001") == "present"


def test_head_counts_are_facts_once_each() -> None:
    world = World()
    one, chair = world.page(site(1)), world.page(CHAIR)
    assert one.press("head_count", count=12) == ("done", "")
    assert world.outcomes[-1].head_counts == {"site:00001": 12}
    assert one.press("head_count", count=12) == ("done", "")
    assert world.outcomes[-1].head_counts == {}
    same(world)
    assert chair.mirror.roster["site:00001"].head_count == 12


def test_the_chair_ends_it_and_all_are_told() -> None:
    world = World()
    chair, one = world.page(CHAIR), world.page(site(1))
    assert chair.press("end", reason="xong sớm") == ("done", "")
    assert world.outcomes[-1].ends
    assert world.outcomes[-1].reason == "xong sớm"
    world.live.set_view(MeetingView(VIEW.title, "closed", VIEW.starts_at, VIEW.ends_at))
    world.settle()
    assert one.mirror.meeting is not None
    assert one.mirror.meeting.state == "closed"
    world.live.close_all("ended")
    one.read()
    assert (one.mirror.closing, one.mirror.comes_again) == ("ended", False)


def test_nothing_is_told_before_it_is_stored() -> None:
    world = World()
    one = world.page(site(1))
    world.settle()
    assert one.session is not None
    outcome = world.live.receive(one.session, json.dumps({"type": "ask", "id": "x"}), world.now)
    assert [event.kind for event in outcome.events] == ["asked"]
    assert one.read() == []
    world.done(outcome)
    world.settle()
    assert set(one.types) >= {"done", "delta"}
    assert one.mirror.answers["x"] == ("done", "")


def test_a_restart_keeps_the_floor_and_gives_new_snapshots() -> None:
    world = World()
    chair, one, two = world.page(CHAIR), world.page(site(1)), world.page(site(2))
    one.press("ask")
    chair.press("give", target="site:00002", seconds=600)
    one.press("head_count", count=7)
    world.settle()
    floor = Floor.restore(json.loads(json.dumps(world.live.floor.snapshot())))
    world.events += floor.restarted(world.now.wall)
    seen = dict.fromkeys(("person:1", "site:00001", "site:00002"), START)
    world.live = LiveMeeting(
        VIEW, world.invited, floor, "e2", world.now, first_seen=seen, head_counts={"site:00001": 7}
    )
    for page in (chair, one, two):
        page.join()
    same(world)
    assert not one.mirror.resumed
    assert one.mirror.roster["site:00001"].order == 1
    assert one.mirror.roster["site:00001"].head_count == 7
    assert chair.mirror.floor.holder == "site:00002"
    assert not chair.mirror.floor.away


def test_an_uninvited_person_is_in_the_roster_only_while_a_member() -> None:
    world = World()
    chair, guest = world.page(CHAIR), world.page(Person("site:99999", "Khách"))
    world.settle()
    assert guest.mirror.waiting
    assert "site:99999" not in chair.mirror.roster
    chair.press("admit", target="site:99999")
    same(world)
    assert chair.mirror.roster["site:99999"].name == "Khách"
    chair.press("remove", target="site:99999")
    same(world_without(world, guest))
    assert "site:99999" not in chair.mirror.roster


def world_without(world: World, page: Page) -> World:
    page.cut()
    return world


def test_a_locked_meeting_and_a_holder_who_is_cut_are_seen() -> None:
    world = World(rules=Rules(holder_grace=timedelta(seconds=20)))
    chair, one = world.page(CHAIR), world.page(site(1))
    chair.press("lock")
    chair.press("give", target="site:00001")
    one.cut()
    same(world)
    assert chair.mirror.floor.locked
    assert chair.mirror.floor.away
    assert chair.mirror.floor.holder == "site:00001"
    world.wait(20)
    same(world)
    assert chair.mirror.floor.holder == ""
    assert world.outcomes[-2].speak == {"site:00001": False}


@pytest.mark.parametrize("sites", [579])
def test_a_storm_of_joins_is_few_deltas_and_each_is_made_once(sites: int) -> None:
    world = World(sites, limits=Limits(coalesce=0.25))
    chair = world.page(CHAIR)
    world.settle()
    made, told = world.live.hub.serialised, world.live.hub.sequence
    pages = []
    for number in range(1, sites + 1):
        pages.append(world.page(site(number)))
        world.wait(15 / sites)
    world.settle()
    deltas = world.live.hub.sequence - told
    assert deltas <= 15 / 0.25 + 2
    # Two texts a delta and one snapshot for each audience between two deltas, whatever the number of pages.
    assert world.live.hub.serialised - made <= 4 * (deltas + 1)
    assert all(page.mirror.roster == world.live.hub.roster for page in [chair, *pages])
    assert sum(entry.presence == "present" for entry in chair.mirror.roster.values()) == sites + 1


def test_who_connects_and_says_nothing_is_cut_off() -> None:
    """Before its hello a connection is nobody's yet, and it counts against what the service can hold."""
    world = World()
    chair = world.page(CHAIR)
    world.settle()
    silent = world.live.connect(site(1), world.now)
    _, mono = world.live.deadlines()
    assert mono == world.now.mono + DEFAULT.hello_within
    world.wait(DEFAULT.hello_within)
    assert (silent.closing, chair.session and chair.session.closing) == ("hello_expected", "")
    world.done(world.live.disconnect(silent, world.now))
    _, mono = world.live.deadlines()
    assert mono is not None
    assert mono > world.now.mono
