"""Formats: one key for what is the same on both sides of the relay, and how H.264 is matched.

The key of a format says all that decides whether a decoder can read it, in one
spelling, and leaves out what does not (payload type, level): ``audio/opus``,
``video/h264;mode=1;profile=42e0``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT_CODECS: Final = ("opus", "red", "vp8", "h264", "vp9", "av1")
"""Names of the codecs that a server allows unless told otherwise."""

DEFAULT_H264_FMTP: Final = "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"
"""What an H.264 format without parameters means to browsers (constrained baseline, level 3.1)."""

MAX_PARAMETERS: Final = 16
"""Parameters of one format that are looked at."""

_H264_PROFILES: Final = (
    # profile_idc, mask and value of the constraint flags, profile in one spelling. RFC 6184, table 5;
    # constrained high is of H.264 annex A.2.4.2, as browsers use it.
    (0x42, 0x4F, 0x40, "42e0"),
    (0x4D, 0x8F, 0x80, "42e0"),
    (0x58, 0xCF, 0xC0, "42e0"),
    (0x42, 0x4F, 0x00, "4200"),
    (0x58, 0xCF, 0x80, "4200"),
    (0x4D, 0xAF, 0x00, "4d00"),
    (0x58, 0xCF, 0x00, "5800"),
    (0x64, 0xFF, 0x00, "6400"),
    (0x64, 0xFF, 0x0C, "640c"),
    (0xF4, 0xFF, 0x00, "f400"),
)

_CONSTRAINT_SET3: Final = 0x10


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of a section: ``a=rtpmap``, ``a=fmtp`` and ``a=rtcp-fb`` together.

    ``key`` is empty for what the relay does not carry. ``feedback`` holds values
    of ``a=rtcp-fb`` (``nack pli``).
    """

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    feedback: frozenset[str] = frozenset()
    key: str = ""


def parse_fmtp(fmtp: str) -> dict[str, str]:
    """The first parameters of an ``a=fmtp`` value (``a=1;b=2``), names in lower case."""
    parameters = {}
    for part in fmtp.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, equals, value = part.partition("=")
        if equals:
            parameters[name.strip().lower()] = value.strip()
    return parameters


def codec_key(name: str, clock_rate: int, channels: int, fmtp: str | Mapping[str, str] = "") -> str:
    """The key of a format, or empty text for one that the relay does not carry.

    ``name`` and ``clock_rate`` (in Hz) are those of ``a=rtpmap``, ``channels``
    its third part (1 where absent), ``fmtp`` the text or the parameters of
    ``a=fmtp``.
    """
    name = name.lower()
    if clock_rate == 48000:
        if name in ("opus", "red") and channels == 2:
            return f"audio/{name}"
        return ""
    if clock_rate != 90000:
        return ""
    if name == "vp8":
        return "video/vp8"
    parameters = parse_fmtp(fmtp) if isinstance(fmtp, str) else fmtp
    if name == "vp9":
        profile = parameters.get("profile-id", "0")
        return f"video/vp9;profile={profile}" if profile in ("0", "1", "2", "3") else ""
    if name == "av1":
        profile = parameters.get("profile", "0")
        return f"video/av1;profile={profile}" if profile in ("0", "1", "2") else ""
    if name == "h264":
        mode = parameters.get("packetization-mode", "0")
        profile = h264_profile(parameters.get("profile-level-id", "42e01f"))
        return f"video/h264;mode={mode};profile={profile}" if mode in ("0", "1") and profile else ""
    return ""


def codec_name(key: str) -> str:
    """The codec of a key, as settings name it: ``h264`` of ``video/h264;mode=1;profile=42e0``."""
    return key.partition("/")[2].partition(";")[0]


def h264_profile(profile_level_id: str) -> str:
    """The profile of a ``profile-level-id`` in one spelling, four hexadecimal digits; empty if unknown.

    Constrained baseline can be said as ``42e0``, ``42c0``, ``4d80``, ``58c0`` and
    more (RFC 6184, table 5); all of them become ``42e0``.
    """
    value = _profile_level(profile_level_id)
    if value is None:
        return ""
    profile_idc, constraints = value >> 16, value >> 8 & 0xFF
    for idc, mask, wanted, spelling in _H264_PROFILES:
        if profile_idc == idc and constraints & mask == wanted:
            return spelling
    return ""


def same_format(sent: Format, received: Format) -> bool:
    """Whether a stream of format ``sent`` may be sent to who wants ``received``.

    The same codec, and for H.264 the same profile and packetization mode
    (RFC 6184, 8.2.2). The level may differ where both sides allow it to; else
    the receiver's must not be the lower one.
    """
    if not sent.key or sent.key != received.key:
        return False
    if codec_name(sent.key) != "h264":
        return True
    ours, theirs = parse_fmtp(sent.fmtp), parse_fmtp(received.fmtp)
    if ours.get("level-asymmetry-allowed") == "1" and theirs.get("level-asymmetry-allowed") == "1":
        return True
    return _level(ours) <= _level(theirs)


def choose_payload_type(sent: Format, offered: Iterable[Format]) -> int | None:
    """The payload type under which ``sent`` goes to who offered these formats; None for none."""
    for candidate in offered:
        if same_format(sent, candidate):
            return candidate.payload_type
    return None


def _profile_level(text: str) -> int | None:
    if len(text) != 6:
        return None
    try:
        return int(text, 16) if text.isalnum() else None
    except ValueError:
        return None


def _level(parameters: Mapping[str, str]) -> float:
    value = _profile_level(parameters.get("profile-level-id", "42e01f"))
    if value is None:
        return 0.0
    level = value & 0xFF
    # Level 1b is level_idc 11 with constraint_set3, except in profiles that say it as 9.
    one_b = level == 9 or (
        level == 11 and value >> 16 in (0x42, 0x4D, 0x58) and value >> 8 & _CONSTRAINT_SET3
    )
    return 10.5 if one_b else float(level)
