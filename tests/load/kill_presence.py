"""Counts joins and leaves: the attendance log against what the participants' own clients were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from load.kill_log import ClientLog, Stay
from load.kill_stored import Stored, Wrongs
from scheduler.attending import presence
from scheduler.model import AttendanceFact
from signaling.client.presence import Interval

SETTLED = 2.0
"""Seconds that the service lived after a join or a leave, so that it must be on record."""
SECOND = 1.5
"""Events give their time to the second, and the middle of it is taken."""
JOIN_TAKES = 20.0
"""Seconds between the service's taking a participant in and its client's being told so by its media."""
LEAVE_TAKES = 10.0
"""Seconds between a client's beginning to leave and the service's line."""
ENDED_WITHIN = 15.0
"""Seconds after the next start in which the presence that a kill has cut off has its end."""


def judge_attendance(
    stored: Stored,
    log: ClientLog,
    killed_at: Iterable[float],
    listened: Mapping[int, float],
    wrongs: Wrongs,
    at_end: bool,
) -> None:
    """Each fact once; each join and each leave of a client's log has its one line, with its time.

    A client is told that it is in by its media, and the line is written after that. So a join counts as lost
    if the service lived for :data:`SETTLED` after it; those shortly before a kill are counted apart.
    ``listened`` is when each life of the service began to answer.
    """
    wrongs.counts("facts doubled", "joins lost", "leaves lost", "joins just before a kill")
    wrongs.counts("joins at another time", "leaves at another time")
    wrongs.counts("presences overlapping", "presence open", "presence over a kill")
    kills = sorted(killed_at)
    lines: Counter[tuple[str, str]] = Counter()
    began: dict[str, datetime] = {}
    intervals: dict[str, Interval] = {}
    for meeting_id, facts in stored.facts.items():
        for key, number in Counter(fact.key for fact in facts).items():
            if number > 1:
                wrongs.add("facts doubled", f"{meeting_id} {key}: {number}")
        lines.update((fact.kind, fact.sid) for fact in facts if fact.kind in ("joined", "left"))
        began |= {fact.sid: fact.joined_at for fact in facts if fact.kind == "joined" and fact.joined_at}
        shown = presence(facts)
        for identity in shown.identities():
            intervals |= {interval.sid: interval for interval in shown.intervals(identity)}
        still = shown.present() if at_end else {}
        if still:
            wrongs.add("presence open", f"{meeting_id}: {still}")
        for what in _overlaps(facts):
            wrongs.add("presences overlapping", f"{meeting_id} {what}")
    for kind, stays, name in (("joined", log.joins, "joins"), ("left", log.leaves, "leaves")):
        for stay in stays:
            there = lines[kind, stay.sid]
            lived = _lived(stay, kills)
            if there > 1:
                wrongs.add("facts doubled", f"{kind} {stay}: {there}")
            if there == 0 and lived >= SETTLED:
                wrongs.add(f"{name} lost", f"{stay}, then {lived:.2f} s")
            elif there == 0 and kind == "joined":
                wrongs.add("joins just before a kill", f"{stay.identity}: {lived * 1000:.0f} ms before")
    for stay in log.joins:
        told = began.get(stay.sid)
        if told is not None and not -SECOND <= stay.wall - told.timestamp() <= JOIN_TAKES:
            wrongs.add("joins at another time", f"{stay}: on record {told}")
    for stay in log.leaves:
        interval = intervals.get(stay.sid)
        if interval is not None and lines["left", stay.sid]:
            end = float("inf") if interval.end is None else interval.end
            if not -SECOND <= end - stay.wall <= LEAVE_TAKES:
                wrongs.add("leaves at another time", f"{stay}: on record {end}")
    if at_end:
        for stay in log.joins:
            _over_a_kill(stay, intervals.get(stay.sid), listened, wrongs)


def _over_a_kill(
    stay: Stay, interval: Interval | None, listened: Mapping[int, float], wrongs: Wrongs
) -> None:
    """Nobody is on record as present through a start of the service: the room of before was gone with it."""
    later = [at for life, at in listened.items() if life > stay.life]
    if interval is None or not stay.life or not later:
        return
    latest = min(later) + ENDED_WITHIN + (stay.wall - stay.at)
    if interval.end is None or interval.end > latest:
        wrongs.add("presence over a kill", f"{stay}: until {interval.end}, at the latest {latest}")


def _overlaps(facts: Sequence[AttendanceFact]) -> list[str]:
    """Sessions of one identity that lay over each other, by the bare lines: ends are told, not concluded."""
    rooms = {fact.room_sid: fact.at.timestamp() for fact in facts if fact.kind == "ended"}
    ends = {fact.sid: fact.at.timestamp() for fact in facts if fact.kind in ("left", "aborted")}
    spans: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for fact in facts:
        if fact.kind in ("joined", "left"):
            start = (fact.joined_at or fact.at).timestamp()
            end = ends.get(fact.sid, rooms.get(fact.room_sid, float("inf")))
            spans[fact.identity][fact.sid] = start, end
    found = []
    for identity, sessions in spans.items():
        before, until = "", 0.0
        for sid, (start, end) in sorted(sessions.items(), key=lambda item: item[1]):
            if start < until - SECOND:
                found.append(f"{identity}: {before} until {until}, {sid} from {start}")
            if end > until:
                before, until = sid, end
    return found


def _lived(stay: Stay, kills: Sequence[float]) -> float:
    return next((at - stay.at for at in kills if at >= stay.at), float("inf"))
