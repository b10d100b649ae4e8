"""Messages of the channel: what is read, what is refused, and that each is in the documentation."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.attending import MOST_PEOPLE
from scheduler.channel.messages import (
    CLIENT_TYPES,
    CLOSE_CODES,
    MOST_FROM_CLIENT,
    SERVER_TYPES,
    STAY_AWAY,
    ClientMessage,
    End,
    FloorRequest,
    FloorView,
    HeadCount,
    Hello,
    Leave,
    MeetingView,
    Ping,
    Waiting,
    encode,
    milliseconds,
    moment,
    parse_client,
)
from scheduler.channel.roster import MOST_HEADS, RosterEntry
from scheduler.errors import MessageError
from scheduler.floor import COMMANDS, RIGHTS, Command
from scheduler.floor_state import ROLES

DOCUMENT = Path(__file__).parents[2] / "docs" / "meeting-channel.md"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"hello","versions":[1]}', Hello((1,))),
        ('{"type":"hello","versions":[1,2],"epoch":"e","sequence":7}', Hello((1, 2), "e", 7)),
        ('{"type":"ping","id":"a"}', Ping("a")),
        ('{"type":"ask","id":"a","later":{"x":[]}}', FloorRequest("a", Command("ask"))),
        ('{"type":"give","id":"a"}', FloorRequest("a", Command("give"))),
        (
            '{"type":"give","id":"a","target":"site:00004","seconds":180}',
            FloorRequest("a", Command("give", "site:00004", 180.0)),
        ),
        ('{"type":"take_back","id":"a"}', FloorRequest("a", Command("take_back"))),
        (
            '{"type":"remove","id":"a","target":"site:1","reason":"ồn"}',
            FloorRequest("a", Command("remove", "site:1", reason="ồn")),
        ),
        ('{"type":"head_count","id":"a","count":0}', HeadCount("a", 0)),
        ('{"type":"leave","id":"a"}', Leave("a")),
        ('{"type":"end","id":"a","reason":"xong"}', End("a", "xong")),
    ],
)
def test_messages_are_read(text: str, message: ClientMessage) -> None:
    assert parse_client(text) == message


@pytest.mark.parametrize(
    ("text", "problem", "field"),
    [
        ("", "not_json", None),
        ("[]", "not_json", None),
        ("null", "not_json", None),
        ("{", "not_json", None),
        ('{"type":NaN}', "not_json", None),
        ('{"type":' + "9" * 5000 + "}", "not_json", None),
        ("[" * 8000, "not_json", None),
        ('{"type":"ask","id":"' + "x" * MOST_FROM_CLIENT + '"}', "too_large", None),
        ("{}", "bad_field", "type"),
        ('{"type":7}', "bad_field", "type"),
        ('{"type":"dance","id":"a"}', "unknown_type", None),
        ('{"type":"welcome","id":"a"}', "unknown_type", None),
        ('{"type":"ask"}', "bad_field", "id"),
        ('{"type":"ask","id":3}', "bad_field", "id"),
        ('{"type":"ask","id":"' + "x" * 41 + '"}', "bad_field", "id"),
        ('{"type":"lower","id":"a"}', "bad_field", "target"),
        ('{"type":"lower","id":"a","target":"' + "x" * 101 + '"}', "bad_field", "target"),
        ('{"type":"lower","id":"a","target":"a\\u0000"}', "bad_field", "target"),
        ('{"type":"lower","id":"a","target":"a\\ud800"}', "bad_field", "target"),
        ('{"type":"lower","id":"a","target":"a\\u202e"}', "bad_field", "target"),
        ('{"type":"give","id":"a","seconds":0}', "bad_field", "seconds"),
        ('{"type":"give","id":"a","seconds":"60"}', "bad_field", "seconds"),
        ('{"type":"give","id":"a","seconds":true}', "bad_field", "seconds"),
        ('{"type":"give","id":"a","seconds":1e400}', "bad_field", "seconds"),
        ('{"type":"remove","id":"a","target":"x","reason":"' + "x" * 401 + '"}', "bad_field", "reason"),
        ('{"type":"head_count","id":"a","count":-1}', "bad_field", "count"),
        ('{"type":"head_count","id":"a","count":1001}', "bad_field", "count"),
        ('{"type":"head_count","id":"a","count":1.5}', "bad_field", "count"),
        ('{"type":"head_count","id":"a","count":true}', "bad_field", "count"),
        ('{"type":"hello","versions":"1"}', "bad_field", "versions"),
        ('{"type":"hello","versions":["1"]}', "bad_field", "versions"),
        ('{"type":"hello","versions":[' + ",".join("1" * 21) + "]}", "bad_field", "versions"),
        ('{"type":"hello","versions":[1],"sequence":-1}', "bad_field", "sequence"),
        ('{"type":"hello","versions":[1],"epoch":[]}', "bad_field", "epoch"),
    ],
)
def test_bad_messages_are_refused_with_a_code(text: str, problem: str, field: str | None) -> None:
    with pytest.raises(MessageError) as caught:
        parse_client(text)
    assert caught.value.code == "message"
    assert (caught.value.problem, caught.value.details.get("field")) == (problem, field)


def test_the_channel_takes_no_head_count_that_the_log_refuses() -> None:
    # Else what one site sends could not be stored, and the meeting would be loaded anew for all.
    assert MOST_HEADS == MOST_PEOPLE
    assert parse_client(f'{{"type":"head_count","id":"a","count":{MOST_PEOPLE}}}') == HeadCount(
        "a", MOST_PEOPLE
    )


def test_a_refusal_knows_the_request_where_it_can() -> None:
    with pytest.raises(MessageError) as caught:
        parse_client('{"type":"dance","id":"a7"}')
    assert caught.value.details["id"] == "a7"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from([*CLIENT_TYPES, *SERVER_TYPES]),
    st.dictionaries(
        st.sampled_from(["id", "target", "seconds", "reason", "count", "versions", "epoch", "sequence"]),
        json_values,
    ),
)
def test_nothing_else_is_raised_for_any_json(kind: str, fields: dict[str, object]) -> None:
    try:
        message = parse_client(json.dumps({"type": kind, **fields}))
    except MessageError:
        return
    assert kind in CLIENT_TYPES
    assert isinstance(message, Hello) == (kind == "hello")


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)))
def test_times_on_the_wire_are_whole_milliseconds(at: datetime) -> None:
    assert 0 <= (at - moment(milliseconds(at))).total_seconds() < 0.001


def test_only_known_messages_are_written() -> None:
    with pytest.raises(ValueError, match="dance"):
        encode("dance")
    assert encode("done", id="é", more=None) == '{"type":"done","id":"é"}'


def rows(section: str) -> list[list[str]]:
    """The table's cells of a section of the document, without head."""
    body = re.search(rf"(?ms)^## {section}$(.*?)(?=^## |\Z)", DOCUMENT.read_text("utf-8"))
    assert body is not None, section
    table = [line for line in body[1].splitlines() if line.startswith("|")]
    lines = table[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def words(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_the_document_names_each_message_and_no_other() -> None:
    assert {word for row in rows("From the client") for word in words(row[0])} == set(CLIENT_TYPES)
    assert {word for row in rows("From the server") for word in words(row[0])} == set(SERVER_TYPES)


def test_the_document_names_the_rights() -> None:
    for kind, _, who, _ in rows("From the client"):
        command = kind.strip("`")
        if command in COMMANDS:
            told: set[str] = set(ROLES) if who == "all" else set(who.split(", "))
            assert told == RIGHTS[command], command


def test_the_document_names_the_closings() -> None:
    told = {row[0].strip("`"): (int(row[1]), row[2] == "no") for row in rows("Closings")}
    assert told == {word: (code, word in STAY_AWAY) for word, code in CLOSE_CODES.items()}


def test_the_document_names_the_refusals() -> None:
    told = {row[0].strip("`"): words(row[1]) for row in rows("Refusals")}
    assert set(told) == {"message", "no_right", "floor"}
    root = Path(__file__).parents[2] / "scheduler"
    in_code = {
        name: set(re.findall(r"problem=\"(\w+)\"", (root / name).read_text("utf-8")))
        for name in ("floor.py", "channel/reading.py", "channel/messages.py", "channel/session.py")
    }
    assert told["floor"] == in_code.pop("floor.py")
    assert told["message"] == set().union(*in_code.values())


def test_the_document_names_the_fields() -> None:
    text = DOCUMENT.read_text("utf-8")
    entry = RosterEntry("k", "n").plain()
    meeting = MeetingView("t", "open", moment(0), moment(1)).plain()
    floor = FloorView().plain()
    for heading, fields in (
        ("`roster`:", set(entry)),
        ("`meeting`:", set(meeting)),
        ("`floor`:", set(floor)),
        ("`lobby`:", set(Waiting("k", "n").plain())),
    ):
        line = next(line for line in text.splitlines() if line.startswith(f"- {heading}"))
        assert fields <= words(line), heading
