"""The judge of the killed service sees each kind of loss, doubling and overlap: its zeros say something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from load.kill_judge import judge_all
from load.kill_log import Asked, Stand
from load.kill_story import (
    CHAIR,
    END,
    KILLED,
    SITE,
    SITES,
    START,
    Story,
    at,
    fact,
    heads,
    line,
    meeting,
    plan,
    stay,
    whole,
)
from load.show_kill import merged
from scheduler.floor import Actor, Command, Floor
from scheduler.floor_state import Event
from scheduler.model import FloorEvent, Slot


def test_a_whole_story_has_nothing_wrong() -> None:
    story = whole()
    assert story.found() == set()
    assert story.stored.figures()["attendance"] == {"ended": 2, "head_count": 1, "joined": 3, "left": 2}


def test_what_had_no_answer_may_be_stored_once_or_not_at_all() -> None:
    story = whole()
    story.log.bookings["near1-1"].stands.insert(0, None)
    story.log.bookings["near1-1"].id = ""
    story.log.asked += [
        Asked("m1", SITE, "ask", 0, "unknown", 7.0),
        Asked("m1", SITE, "head_count", 13, "unknown", 7.0),
    ]
    assert story.found() == set()
    story.facts.append(heads(13, "head_count:b"))
    assert story.found() == set()


def forget_booking(story: Story) -> None:
    for rows in (story.stored.invited, story.stored.slots, story.stored.audit):
        rows.pop("m2")
    del story.stored.meetings[1]
    story.stored.audit_ids = [1, 2, 3, 4]


def double_booking(story: Story) -> None:
    day = timedelta(days=3)
    story.stored.meetings.append(meeting(3, "far4-1", "draft", 1, START + day, END + day))
    story.stored.invited["m3"] = set(SITES)
    story.stored.audit["m3"] = [line("meeting.create", "person:5", None, plan(START + day, END + day))]


def of_nobody(story: Story) -> None:
    story.log.bookings.pop("near1-1")


def other_chair(story: Story) -> None:
    story.meeting.chair_id = 2


def other_sites(story: Story) -> None:
    story.log.bookings["far4-1"].stands[0] = Stand(
        "published",
        2,
        story.stored.meetings[1].starts_at,
        story.stored.meetings[1].ends_at,
        frozenset({1}),
        1,
    )


def cancel_lost(story: Story) -> None:
    told = story.log.bookings["far4-1"].stands[0]
    assert told is not None
    story.log.bookings["far4-1"].stands = [
        Stand("cancelled", 3, told.starts_at, told.ends_at, told.sites, told.chair)
    ]


def unfinished_move(story: Story) -> None:
    story.stored.slots["m2"].pop()


def overlapping_slots(story: Story) -> None:
    one = story.stored.slots["m2"][0]
    story.stored.meetings.append(meeting(4, "far4-2", "published", 2, one.starts_at, one.ends_at))
    story.stored.meetings[-1].chair_id = 1
    story.stored.invited["m4"] = set(SITES)
    story.stored.slots["m4"] = [
        Slot(meeting_id="m4", resource=slot.resource, starts_at=slot.starts_at, ends_at=slot.ends_at)
        for slot in story.stored.slots["m2"]
    ]
    story.stored.audit["m4"] = list(story.stored.audit["m2"])


def opening_not_in_the_log(story: Story) -> None:
    story.stored.audit["m1"][2].action = "meeting.something"


def opened_twice(story: Story) -> None:
    story.stored.audit["m1"].insert(3, line("meeting.open", "service", {}, {}))
    story.meeting.version += 1


def closed_twice(story: Story) -> None:
    story.stored.audit["m1"].append(line("meeting.close", "service", {}, {}))
    story.meeting.version += 1


def closing_lost(story: Story) -> None:
    story.meeting.state, story.meeting.closed_at = "open", None
    del story.stored.audit["m1"][3], story.stored.actions["m1"][1]
    story.meeting.version = 3
    story.stored.slots["m1"] = [
        Slot(meeting_id="m1", resource=slot.resource, starts_at=START, ends_at=END)
        for slot in story.stored.slots["m2"]
    ]


def effect_not_done(story: Story) -> None:
    story.stored.actions["m1"][1].done_at = None


def end_of_the_chair(story: Story) -> None:
    story.log.asked.append(Asked("m1", CHAIR, "end", 0, "done", 30.0))


def closed_early(story: Story) -> None:
    story.meeting.closed_at = at(59)


def opened_early(story: Story) -> None:
    story.meeting.opened_at = at(-1)


def two_rooms(story: Story) -> None:
    story.log.joins[1] = stay("PA_2", 22, 1, "RM_9")


def audit_line_gone(story: Story) -> None:
    del story.stored.audit["m2"][1]


def audit_number_gone(story: Story) -> None:
    story.stored.audit_ids.remove(4)


def audit_does_not_follow(story: Story) -> None:
    story.stored.audit["m2"][1].before = {"state": "published"}


def floor_event_gone(story: Story) -> None:
    del story.stored.events["m1"][2]


def floor_state_behind(story: Story) -> None:
    floor = Floor()
    for row in story.stored.events["m1"][:-1]:
        floor.state.apply(Event.from_dict(row.event))
    story.stored.floors["m1"].state, story.stored.floors["m1"].sequence = floor.snapshot(), 3


def ask_lost(story: Story) -> None:
    story.log.asked.append(Asked("m1", SITE, "ask", 0, "done", 9.0))


def ask_doubled(story: Story) -> None:
    del story.log.asked[0]


def withdrawn_by_nobody(story: Story) -> None:
    floor, rows = Floor(), story.stored.events["m1"]
    for row in rows[:3]:
        floor.state.apply(Event.from_dict(row.event))
    (event,) = floor.do(Actor(SITE, "site"), Command("withdraw"), at(6))
    rows[3:] = [FloorEvent(meeting_id="m1", sequence=4, at=at(6), actor=SITE, event=event.to_dict())]
    story.stored.floors["m1"].state = floor.snapshot()
    del story.log.asked[1]


def floor_after_the_end(story: Story) -> None:
    story.stored.events["m1"][3].at = at(70)


def heads_lost(story: Story) -> None:
    story.log.asked.append(Asked("m1", SITE, "head_count", 13, "done", 9.0))


def heads_doubled(story: Story) -> None:
    story.facts.append(heads(12, "head_count:b"))


def heads_of_nobody(story: Story) -> None:
    story.facts.append(heads(99, "head_count:b"))


def join_lost(story: Story) -> None:
    del story.facts[3]


def join_doubled(story: Story) -> None:
    story.facts.append(fact("joined", "PA_2", 22, 21))
    story.facts[-1].key = "joined:again"


def key_doubled(story: Story) -> None:
    story.facts.append(heads(13, "head_count:a"))
    story.log.asked.append(Asked("m1", SITE, "head_count", 13, "done", 9.0))


def leave_lost(story: Story) -> None:
    # The next session ends the one before, so nothing else shows it.
    del story.facts[2]


def leave_late(story: Story) -> None:
    story.log.leaves[0] = stay("PA_1", 5)


def join_at_another_time(story: Story) -> None:
    story.facts[3].joined_at = at(24)


def overlapping_presence(story: Story) -> None:
    story.facts[2].at = at(25)


def open_presence(story: Story) -> None:
    del story.facts[6:]


def presence_over_the_kill(story: Story) -> None:
    # The second life has no session: its end is all that cuts the one before.
    del story.log.joins[2], story.facts[5:]
    story.facts[4].at = at(60)


def join_just_before_the_kill(story: Story) -> None:
    story.log.joins.append(stay("PA_9", KILLED - 0.4))


WRONGS: list[tuple[Callable[[Story], None], set[str]]] = [
    (forget_booking, {"bookings lost"}),
    (double_booking, {"bookings doubled"}),
    (of_nobody, {"meetings of nobody"}),
    (other_chair, {"bookings lost"}),
    (other_sites, {"bookings lost"}),
    (cancel_lost, {"bookings lost"}),
    (unfinished_move, {"slots missing or left"}),
    (overlapping_slots, {"slots overlapping"}),
    (opening_not_in_the_log, {"openings lost"}),
    (opened_twice, {"openings doubled"}),
    (closed_twice, {"closings doubled"}),
    (closing_lost, {"closings lost", "due and not done"}),
    (effect_not_done, {"due and not done"}),
    (end_of_the_chair, {"ends of the chair lost"}),
    (closed_early, {"opened or closed too early"}),
    (opened_early, {"opened or closed too early"}),
    (two_rooms, {"rooms opened twice"}),
    (audit_line_gone, {"audit lines missing", "audit lines that do not follow"}),
    (audit_number_gone, {"audit numbers missing"}),
    (audit_does_not_follow, {"audit lines that do not follow"}),
    (floor_event_gone, {"floors that do not replay", "floor lost"}),
    (floor_state_behind, {"floors that do not replay"}),
    (ask_lost, {"floor lost"}),
    (ask_doubled, {"floor doubled"}),
    (withdrawn_by_nobody, {"floor doubled"}),
    (floor_after_the_end, {"floor changed after the end"}),
    (heads_lost, {"head-counts lost"}),
    (heads_doubled, {"head-counts doubled"}),
    (heads_of_nobody, {"head-counts doubled"}),
    (join_lost, {"joins lost"}),
    (join_doubled, {"facts doubled"}),
    (key_doubled, {"facts doubled"}),
    (leave_lost, {"leaves lost", "presences overlapping"}),
    (leave_late, {"leaves at another time"}),
    (join_at_another_time, {"joins at another time"}),
    (overlapping_presence, {"presences overlapping"}),
    (open_presence, {"presence open"}),
    (presence_over_the_kill, {"presence over a kill"}),
    (join_just_before_the_kill, {"joins just before a kill"}),
]


@pytest.mark.parametrize(("spoil", "names"), WRONGS, ids=lambda value: getattr(value, "__name__", ""))
def test_each_fault_is_reported_by_its_name(spoil: Callable[[Story], None], names: set[str]) -> None:
    story = whole()
    spoil(story)
    assert story.found() == names


def test_every_count_is_one_that_a_story_has_raised() -> None:
    story = whole()
    counted = judge_all(story.stored, story.log, story.kills, story.listened, at_end=True, sqlite=True)
    assert counted.numbers().keys() == set[str]().union(*(names for _, names in WRONGS))


def test_pieces_of_a_run_are_put_together() -> None:
    one = {"kills": 2, "told": {"pages": {"a": 1}}, "back": {"count": 1, "longest": 2.0}, "rows": [1]}
    other = {"kills": 3, "told": {"pages": {"b": 4}}, "back": {"count": 2, "longest": 1.0}, "rows": [2]}
    assert merged(one, other) == {
        "kills": 5,
        "told": {"pages": {"a": 1, "b": 4}},
        "back": {"count": 3, "longest": 2.0},
        "rows": [1, 2],
    }
