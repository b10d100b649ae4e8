"""Session descriptions, read as every side of a negotiation reads them; candidates and trickle too."""

from contextlib import suppress

from media.errors import SdpError
from media.ports import Kind
from media.sdp.candidates import parse_candidate, parse_trickle
from media.sdp.client import PublishSection, answer_server_offer, read_publisher_answer
from media.sdp.publisher import answer_publisher
from media.sdp.reader import parse
from media.sdp.sections import read_sections
from media.sdp.subscriber import SubscriberOfferer
from media.sdp.types import EncodingInfo, Fingerprint, LocalTransport, SenderSpec
from media.sdp.writer import write

LOCAL = LocalTransport("user", "p" * 22, (Fingerprint("sha-256", ":".join(["AB"] * 32)),), ())
OURS = [PublishSection("1", Kind.VIDEO, "cid", ("video/vp8",), (EncodingInfo("", 1, 2),))]


def shape(text: str) -> list[tuple[str, str]]:
    return [(section.media.kind, section.mid) for section in read_sections(parse(text, max_sections=4096))]


def fuzz(data: bytes) -> None:
    """Only SdpError may come; an answer has the shape of its offer, and can be read and sent."""
    for text in (data.decode(errors="surrogateescape"), data.decode("latin-1")):
        parse_candidate(text)
        parse_trickle(text)
        with suppress(SdpError):
            session = parse(text)
            assert parse(write(session)) == session
        for answer in (answer_publisher, answer_server_offer):
            with suppress(SdpError):
                made = answer(text, LOCAL).sdp
                assert shape(made) == shape(text)
                made.encode()
        offerer = SubscriberOfferer(session=1)
        offerer.add(SenderSpec(1, Kind.VIDEO, "PA_a|TR_b", "TR_b", (), 3, 4))
        offerer.offer(LOCAL)
        with suppress(SdpError):
            offerer.apply_answer(text)
            offerer.offer(LOCAL)
        with suppress(SdpError):
            read_publisher_answer(text, OURS)
