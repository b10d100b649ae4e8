"""The relay's certificate, made once per process and shared by all its DTLS associations."""

from __future__ import annotations

import datetime
import secrets

from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from OpenSSL import SSL

from media import clock
from media.sdp.types import Fingerprint

LIFETIME = 5 * 365 * 24 * 3600
"""Seconds. Peers pin the fingerprint, so the end is a formality, but a process may run for long."""

DTLS_1_2 = 0xFEFD

_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    # For the role of a client before a server with an RSA certificate.
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA"
)


def _trust_fingerprint(*_: object) -> bool:
    """Any chain will do: the peer is known by the fingerprint in its description (RFC 8122)."""
    return True


class SharedCertificate(RTCCertificate):
    """Keeps one OpenSSL context per list of SRTP profiles instead of making one per association."""

    def __init__(self, key: CertificateIssuerPrivateKeyTypes, cert: x509.Certificate) -> None:
        super().__init__(key, cert)  # type: ignore[arg-type]  # only handed on to OpenSSL
        self._contexts: dict[bytes, SSL.Context] = {}

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        profiles = b":".join(profile.openssl_profile for profile in srtp_profiles)
        if profiles not in self._contexts:
            self._contexts[profiles] = self._new_context(profiles)
        return self._contexts[profiles]

    def _new_context(self, profiles: bytes) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        # The record layer of 1.2 is what ``media.dtls.split_records`` knows.
        context.set_min_proto_version(DTLS_1_2)
        context.set_max_proto_version(DTLS_1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _trust_fingerprint)
        context.use_certificate(self._cert)
        context.use_privatekey(self._key)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(profiles)
        return context


class Certificate:
    """A self-signed certificate with its key. ``fingerprints`` is what a description says of it."""

    def __init__(self, key: CertificateIssuerPrivateKeyTypes, certificate: x509.Certificate) -> None:
        self.shared = SharedCertificate(key, certificate)
        digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.fingerprints = (Fingerprint("sha-256", digest),)

    @classmethod
    def generate(
        cls, wall: float | None = None, key: CertificateIssuerPrivateKeyTypes | None = None
    ) -> Certificate:
        """A new one on P-256 (or with ``key``), valid from a day before ``wall`` (Unix seconds; now)."""
        wall = clock.wall() if wall is None else wall
        key = key or ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        begin = datetime.datetime.fromtimestamp(wall, datetime.UTC) - datetime.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(seconds=LIFETIME))
        )
        return cls(key, builder.sign(key, hashes.SHA256()))
