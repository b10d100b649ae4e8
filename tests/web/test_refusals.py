"""Sentences for what is refused: both meetings, the sites, the free times, in both languages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scheduler.errors import (
    Conflict,
    ConflictError,
    ImpossibleError,
    MeetingChangedError,
    NoMeetingError,
    SchedulerError,
    StateError,
)
from scheduler.planning import FreeTimes
from scheduler.states import STATES
from web.i18n import LANGUAGES, Language
from web.refusals import conflict_sentences, field_of, free_sentences, sentence

ROOT = Path(__file__).parents[2]
START = datetime.fromisoformat("2026-11-30T23:30+00:00")
END = START + timedelta(minutes=45)


def conflict(resource: str, name: str, meeting: str = "m1", title: str = "Họp chuyên đề") -> Conflict:
    return Conflict(resource, name, meeting, title, START, END)


def test_fc_c10_one_site_names_both_meetings_and_hanoi_s_time() -> None:
    found = [conflict("site:1", "Phường 1")]
    assert conflict_sentences("vi", "Giao ban", found) == [
        "“Giao ban” trùng lịch với “Họp chuyên đề” (01/12/2026 06:30–07:15): điểm cầu Phường 1."
    ]
    assert conflict_sentences("en", "Giao ban", found) == [
        "“Giao ban” is in conflict with “Họp chuyên đề” (01/12/2026 06:30–07:15): sites Phường 1."
    ]


def test_many_sites_are_counted_and_the_first_are_named() -> None:
    found = [conflict(f"site:{n}", f"Phường {n}") for n in range(1, 28)]
    (said,) = conflict_sentences("vi", "Giao ban", found)
    assert said.endswith("điểm cầu Phường 1, Phường 2, Phường 3 và 24 điểm cầu khác.")
    three = conflict_sentences("vi", "Giao ban", found[:3])[0]
    assert three.endswith("điểm cầu Phường 1, Phường 2, Phường 3.")


def test_sites_of_equal_name_are_told_apart() -> None:
    found = [conflict("site:1", "Xã Tân Lập"), conflict("site:2", "Xã Tân Lập")]
    names = {"site:1": "Xã Tân Lập, Huyện Đan Phượng", "site:2": "Xã Tân Lập, Huyện X"}
    (said,) = conflict_sentences("vi", "G", found, names)
    assert "Xã Tân Lập, Huyện Đan Phượng; Xã Tân Lập, Huyện X." in said


def test_the_chair_is_named_beside_the_sites() -> None:
    found = [conflict("person:4", "Trần Văn Dũng"), conflict("site:1", "Phường 1")]
    assert "người chủ trì Trần Văn Dũng; điểm cầu Phường 1." in conflict_sentences("vi", "G", found)[0]
    assert conflict_sentences("vi", "G", found[:1])[0].endswith("): người chủ trì Trần Văn Dũng.")


def test_a_sentence_for_each_meeting_but_not_for_a_hundred() -> None:
    found = [conflict("site:1", "Phường 1", f"m{n}", f"Họp {n}") for n in range(10)]
    said = conflict_sentences("vi", "", found)
    assert len(said) == 5
    assert said[0].startswith("“Cuộc họp này” trùng lịch với “Họp 0”")
    assert said[4] == "Và trùng với 6 cuộc họp khác."


def test_free_times_are_shown_as_hanoi_s() -> None:
    first = (START, END)
    assert free_sentences(FreeTimes(None, first)) == [(START, "01/12/2026 06:30–07:15")]
    assert free_sentences(FreeTimes(None, None)) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("error", "field", "vi"),
    [
        (ImpossibleError("", field="starts_at", problem="past"), "begin", "Thời gian này đã qua"),
        (ImpossibleError("", field="sites", problem="missing"), "sites", "Chọn ít nhất một điểm cầu"),
        (ImpossibleError("", field="sites", problem="unknown", sites=[1]), "sites", "không còn hoạt động"),
        (ImpossibleError("", field="sites", problem="too_many", most=9), "sites", "nhiều nhất 9"),
        (ImpossibleError("", field="title", problem="too_long", most=200), "title", "nhiều nhất 200"),
        (ImpossibleError("", field="ends_at", problem="too_long"), "minutes", "24 giờ"),
        (ImpossibleError("", field="chair", problem="unknown"), "chair", "Người này"),
        (ImpossibleError("", field="reason", problem="missing"), "reason", "Nhập lý do."),
        (ImpossibleError("", field="zone", problem="zone_unknown"), "zone", "Không thực hiện được"),
        (MeetingChangedError("", meeting="1"), "", "vừa được người khác sửa"),
        (NoMeetingError("", meeting="1"), "", "Không có cuộc họp này."),
        (StateError("", state="closed", step="move"), "", "đã kết thúc"),
        (SchedulerError(""), "", "Không thực hiện được"),
    ],
)
def test_every_error_has_a_field_and_a_sentence(
    language: Language, error: SchedulerError, field: str, vi: str
) -> None:
    said = sentence(language, error)
    assert field_of(error) == field
    assert "{" not in said
    if language == "vi":
        assert vi in said
    else:
        assert said != sentence("vi", error)


def test_every_state_has_its_sentence() -> None:
    said = {sentence("vi", StateError("", state=state, step="publish")) for state in STATES}
    assert len(said) == len(STATES)


def test_every_refusal_of_booking_has_its_own_sentence() -> None:
    """What ``scheduler/booking.py`` can find impossible is known here."""
    source = (ROOT / "scheduler/booking.py").read_text("utf-8")
    found = re.findall(r'field="(\w+)", problem="(\w+)"', source)
    assert len(found) >= 8
    general = sentence("vi", SchedulerError(""))
    for field, problem in found:
        error = ImpossibleError("", field=field, problem=problem, most=1)
        assert sentence("vi", error) != general, (field, problem)


def test_a_conflict_error_is_no_ordinary_error() -> None:
    error = ConflictError("", [conflict("site:1", "Phường 1")])
    assert conflict_sentences("vi", "G", error.conflicts)
