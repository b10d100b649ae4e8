"""A certificate authority of this installation, and a certificate of this machine from it.

Browsers give camera and microphone to HTTPS only. Where no public certificate
is at hand, other machines trust this authority once; its key never leaves the
state folder.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from media.addresses import host_addresses
from web.state import StateError, StateFolder
from web.tls import Tls

CA_DAYS: Final = 3650
SERVER_DAYS: Final = 397
"""Browsers refuse server certificates that are valid for much longer."""
RENEW_DAYS: Final = 30

CA_FILE: Final = "tls/ca.pem"
CA_KEY_FILE: Final = "tls/ca-key.pem"
SERVER_FILE: Final = "tls/server.pem"
SERVER_KEY_FILE: Final = "tls/server-key.pem"

_DNS_NAME: Final = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9-]{1,63})*$")


@dataclass(frozen=True, slots=True)
class Issued:
    """What there is now: the files, the names in the certificate, the authority's SHA-256 fingerprint."""

    authority: Path
    tls: Tls
    names: tuple[str, ...]
    fingerprint: str
    renewed: bool


def machine_names() -> list[str]:
    """Names and addresses under which browsers may reach this machine."""
    host = socket.gethostname()
    names = ["localhost", host]
    if "." not in host:
        names.append(f"{host}.local")
    usable = []
    for text in host_addresses():
        address = ipaddress.ip_address(text.partition("%")[0])
        if not address.is_link_local and not address.is_multicast:
            usable.append(str(address))
    return [name for name in dict.fromkeys([*names, *usable]) if _is_address(name) or _DNS_NAME.match(name)]


def ensure(state: StateFolder, names: Sequence[str], now: datetime.datetime) -> Issued:
    """The authority and a certificate for ``names``, made or renewed where needed.

    Raises StateError for files that cannot be read or written, ValueError for
    a name that is neither a host name nor an address.
    """
    for name in names:
        if not _is_address(name) and not _DNS_NAME.match(name):
            raise ValueError(f"{name!r} is neither a host name nor an address")
    authority = _read_pair(state, CA_FILE, CA_KEY_FILE)
    renewed = False
    if authority is None or _days_left(authority[0], now) < SERVER_DAYS:
        authority = _make_authority(now)
        _write_pair(state, CA_FILE, CA_KEY_FILE, *authority)
        renewed = True
    ca, ca_key = authority
    server = _read_pair(state, SERVER_FILE, SERVER_KEY_FILE)
    if (
        renewed
        or server is None
        or _days_left(server[0], now) < RENEW_DAYS
        or not set(names) <= set(_names_of(server[0]))
    ):
        server = _make_server(ca, ca_key, names, now)
        _write_pair(state, SERVER_FILE, SERVER_KEY_FILE, *server)
        renewed = True
    return Issued(
        authority=state.path / CA_FILE,
        tls=Tls(str(state.path / SERVER_FILE), str(state.path / SERVER_KEY_FILE)),
        names=tuple(_names_of(server[0])),
        fingerprint=ca.fingerprint(hashes.SHA256()).hex(":").upper(),
        renewed=renewed,
    )


def existing(state: StateFolder) -> Tls | None:
    """The certificate made before, if there is one."""
    tls = Tls(str(state.path / SERVER_FILE), str(state.path / SERVER_KEY_FILE))
    return tls if Path(tls.certificate).exists() and Path(tls.key).exists() else None


_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _make_authority(now: datetime.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Điểm Cầu"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Điểm Cầu CA {socket.gethostname()}"[:64]),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(name, name, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _make_server(
    ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime.datetime
) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name)
        for name in names
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(names[0])[:64])])
    certificate = (
        _builder(subject, ca.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # Clocks of other machines may be behind.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _read_pair(state: StateFolder, certificate: str, key: str) -> _Pair | None:
    """None where one of the files is missing; StateError where one cannot be used."""
    try:
        loaded = x509.load_pem_x509_certificate((state.path / certificate).read_bytes())
        private = serialization.load_pem_private_key((state.path / key).read_bytes(), None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"{state.path / certificate} or its key cannot be read: {error}") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise StateError(f"{state.path / key} is not a key that dev-cert made")
    return loaded, private


def _write_pair(
    state: StateFolder,
    certificate_file: str,
    key_file: str,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    state.write(key_file, pem)
    state.write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def _days_left(certificate: x509.Certificate, now: datetime.datetime) -> float:
    return (certificate.not_valid_after_utc - now).total_seconds() / 86_400


def _names_of(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *found.get_values_for_type(x509.DNSName),
        *(str(address) for address in found.get_values_for_type(x509.IPAddress)),
    ]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
