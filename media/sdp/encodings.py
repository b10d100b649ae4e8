"""Which RTP streams a section announces: by RID (RFC 8851, RFC 8853) or by SSRC (RFC 5576)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from media.errors import SdpError
from media.sdp.grammar import is_rid, number
from media.sdp.sections import Section
from media.sdp.types import EncodingInfo

MAX_ENCODINGS: Final = 4
"""Simulcast encodings taken of one section; LiveKit's clients send three at most."""

MAX_SSRC_LINES: Final = 512

SIM_NAMES: Final = ("q", "h", "f")
"""Names given to the encodings of an ``a=ssrc-group:SIM``, lowest first, as LiveKit names RIDs."""

_RESTRICTION: Final = re.compile(r"[a-z][a-z0-9-]{0,31}=[A-Za-z0-9.,+/_-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class RidLine:
    """One ``a=rid`` in the offerer's sending direction. ``payload_types`` is empty for no restriction."""

    rid: str
    payload_types: tuple[int, ...]
    restrictions: tuple[str, ...]


def sent_rids(section: Section) -> list[RidLine]:
    """The encodings that the section's writer wants to send by RID, in order of preference.

    Order and choice follow ``a=simulcast:send`` where there is one; of
    alternatives (``f,g``) the first counts; a paused one (``~f``) counts too.
    """
    lines = {}
    for value in section.values.get("rid", ()):
        parts = value.split(None, 2)
        if len(parts) >= 2 and parts[1] == "send" and is_rid(parts[0]) and parts[0] not in lines:
            lines[parts[0]] = _rid_line(parts[0], parts[2] if len(parts) > 2 else "")
    order = _simulcast(section, "send")
    if order is None:
        return list(lines.values())[:MAX_ENCODINGS]
    return [lines[rid] for rid in order if rid in lines][:MAX_ENCODINGS]


def accepted_rids(section: Section) -> list[str]:
    """In an answer: the encodings that its writer is ready to receive, in its order."""
    order = _simulcast(section, "recv")
    known = [
        parts[0]
        for parts in (value.split() for value in section.values.get("rid", ()))
        if len(parts) >= 2 and parts[1] == "recv" and is_rid(parts[0])
    ]
    return known if order is None else [rid for rid in order if rid in known]


def sent_ssrcs(section: Section) -> list[EncodingInfo]:
    """The streams that a section announces by SSRC; one without any SSRC where it names none.

    Of several SSRCs the first one that repairs nothing is the stream. An
    ``a=ssrc-group:SIM`` makes one encoding of each member, named as LiveKit's
    RIDs; ``a=ssrc-group:FID`` gives retransmission.
    """
    ssrcs = _ssrcs(section)
    repairs: dict[int, int] = {}
    simulcast: list[int] = []
    other: set[int] = set()
    for value in section.values.get("ssrc-group", ()):
        parts = value.split()
        members = [number(part, 0, 0xFFFFFFFF, "an SSRC of a=ssrc-group") for part in parts[1:17]]
        if parts[:1] == ["FID"] and len(members) == 2:
            repairs.setdefault(members[0], members[1])
        elif parts[:1] == ["SIM"] and not simulcast:
            simulcast = list(dict.fromkeys(members))[: len(SIM_NAMES)]
        else:
            other.update(members[1:])
    if len(simulcast) > 1:
        return [
            EncodingInfo(name, ssrc, repairs.get(ssrc))
            for name, ssrc in zip(SIM_NAMES, simulcast, strict=False)
        ]
    secondary = other | set(repairs.values())
    for ssrc in ssrcs:
        if ssrc not in secondary:
            return [EncodingInfo("", ssrc, repairs.get(ssrc))]
    return [EncodingInfo("", None, None)]


def _ssrcs(section: Section) -> list[int]:
    lines = section.values.get("ssrc", ())
    if len(lines) > MAX_SSRC_LINES:
        raise SdpError(f"more than {MAX_SSRC_LINES} a=ssrc lines in a section")
    found: dict[int, None] = {}
    for value in lines:
        found[number(value.partition(" ")[0], 0, 0xFFFFFFFF, "the SSRC of a=ssrc")] = None
    return list(found)


def _simulcast(section: Section, direction: str) -> list[str] | None:
    for value in section.values.get("simulcast", ()):
        parts = value.split()
        for name, listed in zip(parts[::2], parts[1::2], strict=False):
            if name == direction:
                # Older drafts wrote "send rid=f;h;q".
                streams = listed.removeprefix("rid=").split(";", 32)[:32]
                first = (stream.partition(",")[0].removeprefix("~") for stream in streams)
                return list(dict.fromkeys(rid for rid in first if is_rid(rid)))
    return None


def _rid_line(rid: str, text: str) -> RidLine:
    payload_types: tuple[int, ...] = ()
    restrictions = []
    for part in text.split(";", 16)[:16]:
        part = part.strip()
        name, _, value = part.partition("=")
        if name == "pt":
            payload_types = tuple(
                number(item, 0, 127, "a payload type of a=rid") for item in value.split(",", 128)[:128]
            )
        elif _RESTRICTION.match(part):
            restrictions.append(part)
    return RidLine(rid, payload_types, tuple(restrictions))
