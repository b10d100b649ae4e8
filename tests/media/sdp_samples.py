"""Descriptions for the tests of media.sdp: captured ones, and small ones made of parts."""

from pathlib import Path

from media.sdp.types import Fingerprint, HostCandidate, LocalTransport

FOLDER = Path(__file__).parent / "sdp"
PRINT = ":".join(["AB"] * 32)

LOCAL = LocalTransport(
    "ours",
    "p" * 24,
    (Fingerprint("sha-256", PRINT),),
    (
        HostCandidate("127.0.0.1", 7882, 2130706431, "1"),
        HostCandidate("::1", 7882, 2130706175, "2"),
    ),
)
CLIENT = LocalTransport("them", "q" * 24, (Fingerprint("sha-256", ":".join(["CD"] * 32)),), ())

TRANSPORT = ("a=ice-ufrag:them", f"a=ice-pwd:{'q' * 24}", f"a=fingerprint:sha-256 {PRINT}", "a=setup:actpass")


def captured(name: str) -> str:
    """A description that a real program wrote; its candidates were taken out."""
    return (FOLDER / f"{name}.sdp").read_bytes().decode()


OFFERS = sorted(path.stem for path in FOLDER.glob("*.sdp") if not path.stem.startswith("livekit-server"))


def section(mid: str, media: str, *lines: str, transport: tuple[str, ...] = TRANSPORT) -> list[str]:
    """The lines of a section: ``media`` is the value of ``m=``."""
    rtp = () if media.startswith("application") else ("a=rtcp-mux",)
    return [f"m={media}", "c=IN IP4 0.0.0.0", *transport, f"a=mid:{mid}", *rtp, *lines]


def audio(mid: str, *lines: str) -> list[str]:
    return section(mid, "audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=sendonly", *lines)


def video(mid: str, *lines: str) -> list[str]:
    return section(mid, "video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=sendonly", *lines)


RIDS = (
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "a=rid:q send",
    "a=rid:h send",
    "a=rid:f send",
    "a=simulcast:send f;h;q",
)


def data(mid: str) -> list[str]:
    return section(mid, "application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000")


def offer(*sections: list[str], head: tuple[str, ...] = (), group: str | None = None) -> str:
    """An offer of these sections, all of them in one BUNDLE unless ``group`` says otherwise."""
    mids = [line[6:] for lines in sections for line in lines if line.startswith("a=mid:")]
    bundle = " ".join(["BUNDLE", *mids]) if group is None else group
    lines = ["v=0", "o=- 42 7 IN IP4 127.0.0.1", "s=-", "t=0 0", *head]
    lines += [f"a=group:{bundle}"] if bundle else []
    return "\r\n".join([*lines, *(line for part in sections for line in part), ""])


def media_lines(sdp: str) -> list[str]:
    return [line for line in sdp.split("\r\n") if line.startswith("m=")]


def parts(sdp: str) -> list[list[str]]:
    """The lines of each media section."""
    result: list[list[str]] = []
    for line in sdp.split("\r\n"):
        if line.startswith("m="):
            result.append([])
        if result and line:
            result[-1].append(line)
    return result


def head(sdp: str) -> list[str]:
    """The lines before the first media section."""
    return sdp.split("\r\nm=")[0].split("\r\n")
