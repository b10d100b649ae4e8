"""One receiver: hello, limits, slow ones, silence; and the outbox below it."""

import json
from datetime import UTC, datetime

import pytest

from scheduler.channel.messages import CLOSE_CODES, FloorRequest, Hello
from scheduler.channel.outbox import Outbox
from scheduler.channel.session import Limits, Moment, Session

WALL = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
HELLO = '{"type":"hello","versions":[1]}'


def at(mono: float) -> Moment:
    return Moment(WALL, mono)


def ready(limits: Limits | None = None) -> Session:
    session = Session("site:1", "site", at(0), limits or Limits())
    assert isinstance(session.receive(HELLO, at(0)), Hello)
    session.state = "in"
    return session


def closing(session: Session) -> str:
    """The word of its end."""
    return session.closing


def code(session: Session) -> int | None:
    """The code with which it is closed now."""
    return session.close_code


def taken(session: Session) -> list[dict[str, object]]:
    result = []
    while (text := session.take()) is not None:
        result.append(json.loads(text))
    return result


@pytest.mark.parametrize(
    ("first", "word"),
    [
        ('{"type":"ask","id":"a"}', "hello_expected"),
        ('{"type":"hello","versions":[2]}', "version"),
        ('{"type":"hello","versions":[]}', "version"),
    ],
)
def test_the_first_message_is_a_hello_of_a_common_version(first: str, word: str) -> None:
    session = Session("site:1", "site", at(0))
    assert session.receive(first, at(0)) is None
    assert code(session) is None
    assert taken(session) == [{"type": "closing", "code": word}]
    assert code(session) == CLOSE_CODES[word]
    assert session.receive(HELLO, at(0)) is None


def test_a_second_hello_is_refused() -> None:
    session = ready()
    assert session.receive(HELLO, at(0)) is None
    assert taken(session) == [{"type": "refused", "id": "", "code": "message", "problem": "hello_twice"}]


def test_bad_messages_are_answered_and_then_too_many() -> None:
    session = ready(Limits(most_bad=2))
    for _ in range(2):
        assert session.receive('{"type":"dance","id":"x"}', at(0)) is None
    assert session.receive("no", at(0)) is None
    answers = taken(session)
    assert answers[0] == {"type": "refused", "id": "x", "code": "message", "problem": "unknown_type"}
    assert answers[-1] == {"type": "closing", "code": "bad_messages"}
    assert len(answers) == 3


def test_too_many_requests_are_not_carried_out() -> None:
    session = ready(Limits(burst=3, per_second=1))
    ask = '{"type":"ask","id":"a"}'
    assert [isinstance(session.receive(ask, at(0)), FloorRequest) for _ in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert [answer["problem"] for answer in taken(session)] == ["too_fast", "too_fast"]
    assert isinstance(session.receive(ask, at(1)), FloorRequest)
    assert session.receive(ask, at(1.5)) is None
    assert isinstance(session.receive(ask, at(2)), FloorRequest)


def test_a_slow_receiver_is_closed_with_a_code_and_told_what_it_lost() -> None:
    session = ready(Limits(outbox_messages=3))
    for number in range(3):
        session.send(str(number))
    assert closing(session) == ""
    session.send("3")
    session.send("4")
    assert closing(session) == "too_slow"
    assert taken(session) == [{"type": "closing", "code": "too_slow", "dropped": 4}]
    assert code(session) == 4004


def test_what_waits_before_a_closing_is_still_sent() -> None:
    session = ready()
    session.send('"last words"')
    session.close("ended")
    session.close("silent")
    session.send('"too late"')
    assert code(session) is None
    assert [session.take(), session.take(), session.take()] == [
        '"last words"',
        '{"type":"closing","code":"ended"}',
        None,
    ]
    assert code(session) == 4009


def test_silence_ends_it() -> None:
    session = Session("site:1", "site", at(100))
    assert session.deadline() == 110
    session.tick(at(109.9))
    assert closing(session) == ""
    session.tick(at(110))
    assert closing(session) == "hello_expected"
    session = ready()
    session.receive('{"type":"ping","id":"a"}', at(30))
    session.tick(at(74.9))
    assert closing(session) == ""
    session.tick(at(75))
    assert closing(session) == "silent"
    assert session.deadline() == float("inf")


def test_the_outbox_is_bounded_by_messages_and_characters() -> None:
    outbox = Outbox(3, 10)
    assert [outbox.put(text) for text in ("aaaa", "bbbb")] == [True, True]
    assert outbox.take() == "aaaa"
    assert outbox.put("cccccc")
    assert not outbox.put("d")
    assert (len(outbox), outbox.dropped) == (0, 3)
    assert not outbox.put("e")
    assert outbox.dropped == 4
    assert outbox.take() is None
