"""SRTP sessions for one transport, on pylibsrtp, with repeats forbidden on the way out.

With ``allow_repeat_tx`` off libsrtp itself refuses to protect an index twice:
the last guard behind the rule that a pair (SSRC, index) never carries two
contents under one key (RFC 7714, 8.2).
"""

from __future__ import annotations

import pylibsrtp
from pylibsrtp import Policy, Session

from media.errors import PacketError
from media.ports import SrtpKeys

WINDOW = 1024
"""How far out of order a packet may be, in packets; also libsrtp's replay window."""

_PROFILES = {
    "SRTP_AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    "SRTP_AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "SRTP_AES128_CM_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "SRTP_AES128_CM_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


def _session(profile: int, key: bytes, ssrc_type: int) -> Session:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile)
    policy.allow_repeat_tx = False
    policy.window_size = WINDOW
    return Session(policy)


class SrtpPair:
    """Both directions of one DTLS-SRTP association."""

    __slots__ = ("_rx", "_tx")

    def __init__(self, keys: SrtpKeys) -> None:
        profile = _PROFILES[keys.profile]
        self._rx = _session(profile, keys.rx, Policy.SSRC_ANY_INBOUND)
        self._tx = _session(profile, keys.tx, Policy.SSRC_ANY_OUTBOUND)

    def unprotect(self, data: bytes) -> bytes:
        """Plain RTP; PacketError for a wrong key, a replay or a size out of bounds."""
        try:
            return self._rx.unprotect(data)
        except (pylibsrtp.Error, ValueError) as exc:
            raise PacketError(str(exc)) from None

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """Plain RTCP; PacketError as for ``unprotect``."""
        try:
            return self._rx.unprotect_rtcp(data)
        except (pylibsrtp.Error, ValueError) as exc:
            raise PacketError(str(exc)) from None

    def protect(self, packet: bytes) -> bytes:
        """Protected RTP; PacketError when the index was used or is too old, or the packet too long."""
        try:
            return self._tx.protect(packet)
        except (pylibsrtp.Error, ValueError) as exc:
            raise PacketError(str(exc)) from None

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Protected RTCP; PacketError when the packet is too long."""
        try:
            return self._tx.protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as exc:
            raise PacketError(str(exc)) from None
