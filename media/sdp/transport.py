"""ICE and DTLS lines: reading the other side's, writing ours (RFC 8839, RFC 8122, RFC 8842)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from media.errors import SdpError
from media.sdp.candidates import Candidate, parse_candidate, write_candidate
from media.sdp.grammar import excerpt, is_ice_text
from media.sdp.model import MediaDescription, SessionDescription, by_name
from media.sdp.sections import Section
from media.sdp.types import Fingerprint, LocalTransport, RemoteTransport

_DIGEST_SIZES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hash functions that count. SHA-1 and MD5 are left out: RFC 8122, section 5, asks for SHA-256."""

_HEX_PAIRS: Final = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2})*\Z")

MAX_FINGERPRINTS: Final = 8
MAX_REMOTE_CANDIDATES: Final = 64


def read_transport(
    session: SessionDescription, sections: Sequence[Section], setups: Iterable[str], default_setup: str
) -> RemoteTransport:
    """The ICE credentials and fingerprints of a description's bundled ``sections``.

    The first section that has both counts; session-level values stand in for
    missing ones. ``setups`` are the values of ``a=setup`` that this side can
    work with. SdpError where something is missing or of no use.
    """
    shared = by_name(session.attributes)
    complaint = "no media section that could be used"
    for section in sections:
        found = [
            section.values.get(name) or shared.get(name) or []
            for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
        ]
        ufrags, pwds, prints, roles = found
        if not ufrags or not pwds:
            complaint = "no ICE credentials (a=ice-ufrag, a=ice-pwd)"
            continue
        ufrag, pwd = ufrags[0].strip(), pwds[0].strip()
        # RFC 8839 asks for 4 and 22 characters at least.
        if not is_ice_text(ufrag, 4) or not is_ice_text(pwd, 22):
            raise SdpError("ICE credentials that RFC 8839 does not allow")
        fingerprints = _fingerprints(prints)
        if not fingerprints:
            complaint = "no certificate fingerprint (a=fingerprint with sha-256, sha-384 or sha-512)"
            continue
        setup = roles[0].strip() if roles else default_setup
        if setup not in setups:
            raise SdpError(f"a=setup:{excerpt(setup)} leaves us no role in the DTLS handshake")
        return RemoteTransport(ufrag, pwd, fingerprints, setup)
    raise SdpError(complaint)


def read_candidates(sections: Iterable[Section]) -> tuple[Candidate, ...]:
    """The usable candidates of a description, the same address once."""
    found: dict[tuple[str, int, str], Candidate] = {}
    for section in sections:
        for value in section.values.get("candidate", ()):
            candidate = parse_candidate(value)
            if candidate is not None and len(found) < MAX_REMOTE_CANDIDATES:
                found.setdefault((candidate.host, candidate.port, candidate.protocol), candidate)
    return tuple(found.values())


def is_lite(session: SessionDescription) -> bool:
    """Whether the description's writer is ICE-lite (RFC 8839, section 5.3)."""
    return ("ice-lite", None) in session.attributes


def write_transport(media: MediaDescription, local: LocalTransport, setup: str, *, first: bool) -> None:
    """Append our ICE and DTLS lines; the candidates only to the ``first`` section of the BUNDLE.

    They are all that will ever come, if there are any; a side that gives none
    may trickle, or leave it to the other to learn its address from a check.
    """
    media.add("ice-ufrag", local.ufrag)
    media.add("ice-pwd", local.pwd)
    for fingerprint in local.fingerprints:
        media.add("fingerprint", f"{fingerprint.algorithm} {fingerprint.value}")
    media.add("setup", setup)
    if first and local.candidates:
        for candidate in local.candidates:
            media.add("candidate", write_candidate(candidate).removeprefix("candidate:"))
        media.add("end-of-candidates")


def _fingerprints(values: Sequence[str]) -> tuple[Fingerprint, ...]:
    found = []
    for value in values[:MAX_FINGERPRINTS]:
        algorithm, _, digest = value.strip().partition(" ")
        algorithm, digest = algorithm.lower(), digest.strip().upper()
        size = _DIGEST_SIZES.get(algorithm)
        if size is None:
            continue
        if len(digest) != 3 * size - 1 or not _HEX_PAIRS.match(digest):
            raise SdpError(f"a {algorithm} fingerprint that is not {size} octets")
        found.append(Fingerprint(algorithm, digest))
    return tuple(found)
