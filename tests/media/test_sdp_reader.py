"""Reading and writing SDP text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdp_samples import OFFERS, captured, data, offer

from media.errors import SdpError
from media.sdp.model import MediaDescription, SessionDescription, by_name
from media.sdp.reader import MAX_LENGTH, MAX_LINE, MAX_SECTIONS, parse
from media.sdp.writer import write

CHARACTERS = st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])
TEXT = st.text(CHARACTERS, max_size=40)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-/", min_size=1, max_size=12)
NAME = st.text(st.characters(exclude_characters="\r\n\0:", exclude_categories=["Cs"]), max_size=20)
ATTRIBUTES = st.lists(st.tuples(NAME, st.none() | TEXT), max_size=8)
SECTION = st.builds(
    MediaDescription,
    kind=WORD,
    port=st.integers(0, 65535),
    protocol=WORD,
    formats=st.lists(WORD, min_size=1, max_size=6).map(tuple),
    connection=TEXT,
    bandwidth=st.lists(TEXT, max_size=3),
    attributes=ATTRIBUTES,
)
SESSION = st.builds(
    SessionDescription,
    origin=TEXT,
    name=TEXT,
    timing=TEXT,
    connection=TEXT,
    bandwidth=st.lists(TEXT, max_size=3),
    attributes=ATTRIBUTES,
    media=st.lists(SECTION, max_size=4),
)


@given(SESSION)
def test_what_was_written_is_read_again(session: SessionDescription) -> None:
    assert parse(write(session)) == session


@pytest.mark.parametrize("name", OFFERS)
def test_a_captured_offer_is_written_as_it_was(name: str) -> None:
    text = captured(name)
    assert sorted(write(parse(text)).split("\r\n")) == sorted(text.split("\r\n"))


def test_all_line_ends_are_taken() -> None:
    text = offer(data("0"))
    assert parse(text) == parse(text.replace("\r\n", "\n")) == parse(text.replace("\r\n", "\r"))


def test_unknown_lines_are_passed_over_and_unknown_attributes_kept() -> None:
    session = parse("v=0\nz=1\nhello\n=\n\na=x-unknown:1:2\nm=text 9 RTP/AVP 98\nq=5\na=y")
    assert session.attributes == [("x-unknown", "1:2")]
    assert session.media == [MediaDescription("text", 9, "RTP/AVP", ("98",), attributes=[("y", None)])]
    assert by_name(session.media[0].attributes) == {"y": [""]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with v=0"),
        ("v=1\n", "begins with v=0"),
        ("\n" + offer(data("0")), "begins with v=0"),
        ("v=0\nm=audio 9 RTP/SAVPF", "needs a type"),
        ("v=0\nm=audio x RTP/SAVPF 0", "is not a number"),
        ("v=0\nm=audio ٣ RTP/SAVPF 0", "is not a number"),
        ("v=0\nm=audio 70000 RTP/SAVPF 0", "is not in 0 to 65535"),
        (f"v=0\nm=audio {'9' * 5000} RTP/SAVPF 0", "is not a number"),
        ("v=0\nm=audio 9 RTP/SAVPF " + " ".join(["1"] * 201), "200 payload types"),
        ("v=0\n" + ("m=audio 9 RTP/SAVPF " + "1 " * 100 + "\n") * 110, "payload types in all"),
        ("v=0\na=" + "x" * MAX_LINE, "a line of 8194 characters"),
        ("v=0\n" + "a=x\n" * 100_000, "lines"),
        ("v=0\na=\0", "NUL"),
        ("v=0\na=\ud800", "not Unicode"),
        ("v=0\n" + "a" * MAX_LENGTH, "characters"),
        ("v=0\n" + "m=audio 9 RTP/SAVPF 0\n" * 500, f"more than {MAX_SECTIONS} media sections"),
    ],
)
def test_what_is_refused_and_why(text: str, words: str) -> None:
    with pytest.raises(SdpError, match=words):
        parse(text)


def test_the_limits_themselves_are_taken() -> None:
    assert len(parse("v=0\n" + "m=audio 9 RTP/SAVPF 0\n" * MAX_SECTIONS).media) == MAX_SECTIONS
    assert len(parse("v=0\nm=audio 9 RTP/SAVPF " + " ".join(["1"] * 200)).media[0].formats) == 200
    assert parse("v=0\n" + "m=audio 9 RTP/SAVPF 0\n" * 500, max_sections=500).media


def test_no_password_in_a_repr() -> None:
    text = offer(data("0"), head=("a=ice-pwd:" + "s" * 24,))
    assert "qqqq" not in repr(parse(text))
    assert "ssss" not in repr(parse(text))
