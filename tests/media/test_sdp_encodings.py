"""Which streams a section announces."""

import pytest
from sdp_samples import RIDS, offer, video

from media.errors import SdpError
from media.sdp.encodings import accepted_rids, sent_rids, sent_ssrcs
from media.sdp.reader import parse
from media.sdp.sections import Section, read_sections
from media.sdp.types import EncodingInfo


def read(*lines: str) -> Section:
    return read_sections(parse(offer(video("0", *lines))))[0]


@pytest.mark.parametrize(
    ("lines", "rids"),
    [
        ((), []),
        (RIDS, ["f", "h", "q"]),
        (RIDS[:-1], ["q", "h", "f"]),
        (("a=rid:a send",), ["a"]),
        (("a=rid:a send", "a=rid:b send", "a=simulcast:send b"), ["b"]),
        (("a=rid:a send", "a=rid:b send", "a=simulcast:send a,b;~b"), ["a", "b"]),
        (("a=rid:a send", "a=rid:b recv", "a=simulcast:recv b send a;b"), ["a"]),
        (("a=rid:a send", "a=rid:b send", "a=simulcast: send rid=a;b"), ["a", "b"]),
        (("a=rid:a send", "a=simulcast:send x;y"), []),
        (("a=rid:" + "a" * 17 + " send", "a=rid:a.b send", "a=rid:c", "a=rid:"), []),
        (tuple(f"a=rid:{name} send" for name in "abcdefgh"), ["a", "b", "c", "d"]),
    ],
)
def test_sent_rids(lines: tuple[str, ...], rids: list[str]) -> None:
    assert [line.rid for line in sent_rids(read(*lines))] == rids


def test_restrictions_of_a_rid() -> None:
    line = sent_rids(read("a=rid:a send pt=96,97;max-width=640;nonsense;max-fps=30"))[0]
    assert line.payload_types == (96, 97)
    assert line.restrictions == ("max-width=640", "max-fps=30")


@pytest.mark.parametrize(
    ("lines", "encodings"),
    [
        ((), [EncodingInfo("", None, None)]),
        (("a=ssrc:7 cname:x",), [EncodingInfo("", 7, None)]),
        (("a=ssrc-group:FID 7 8", "a=ssrc:8 cname:x", "a=ssrc:7 cname:x"), [EncodingInfo("", 7, 8)]),
        (("a=ssrc-group:FEC-FR 7 9", "a=ssrc:9 cname:x", "a=ssrc:7 cname:x"), [EncodingInfo("", 7, None)]),
        (("a=ssrc:7 cname:x", "a=ssrc:8 cname:x"), [EncodingInfo("", 7, None)]),
        (
            (
                "a=ssrc-group:SIM 1 2 3",
                "a=ssrc-group:FID 1 11",
                "a=ssrc-group:FID 2 12",
                "a=ssrc-group:FID 3 13",
                *(f"a=ssrc:{number} cname:x" for number in (1, 11, 2, 12, 3, 13)),
            ),
            [EncodingInfo("q", 1, 11), EncodingInfo("h", 2, 12), EncodingInfo("f", 3, 13)],
        ),
        (("a=ssrc-group:SIM 5 5", "a=ssrc:5 cname:x"), [EncodingInfo("", 5, None)]),
        (
            ("a=ssrc-group:SIM 1 2 3 4 5",),
            [EncodingInfo(n, i, None) for n, i in zip("qhf", (1, 2, 3), strict=True)],
        ),
    ],
)
def test_sent_ssrcs(lines: tuple[str, ...], encodings: list[EncodingInfo]) -> None:
    assert sent_ssrcs(read(*lines)) == encodings


def test_too_many_ssrc_lines() -> None:
    with pytest.raises(SdpError, match="512 a=ssrc lines"):
        sent_ssrcs(read(*(f"a=ssrc:{number} cname:x" for number in range(513))))


@pytest.mark.parametrize(
    ("lines", "rids"),
    [
        (("a=rid:q recv", "a=rid:f recv", "a=simulcast:recv f;q"), ["f", "q"]),
        (("a=rid:q recv", "a=rid:f recv"), ["q", "f"]),
        (("a=rid:q recv", "a=simulcast:recv f;q"), ["q"]),
        (("a=rid:q send",), []),
    ],
)
def test_accepted_rids(lines: tuple[str, ...], rids: list[str]) -> None:
    assert accepted_rids(read(*lines)) == rids


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        (("a=msid:stream track",), ("stream", "track")),
        (("a=msid:- track",), ("-", "track")),
        (("a=msid:stream",), ("stream", "-")),
        (("a=msid:",), ("-", "-")),
        (("a=ssrc:1 cname:x", "a=ssrc:1 msid:stream track"), ("stream", "track")),
        (("a=ssrc:1 msid:a b", "a=msid:stream track extra"), ("stream", "track")),
        ((), ("-", "-")),
    ],
)
def test_msid(lines: tuple[str, ...], ids: tuple[str, str]) -> None:
    section = read(*lines)
    assert (section.stream_id, section.track_id) == ids
