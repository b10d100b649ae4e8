import datetime
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509

from web import certificates
from web.certificates import RENEW_DAYS, SERVER_DAYS, ensure, existing, machine_names
from web.state import StateError, StateFolder
from web.trust import instructions

NOW = datetime.datetime.now(datetime.UTC)
NAMES = ["localhost", "may-chu.local", "127.0.0.1", "::1"]


def _names_seen(folder: StateFolder, host: str, authority: Path) -> str:
    """Handshake with a server that has the certificate; the client trusts the authority only."""
    tls = existing(folder)
    assert tls is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls.certificate, tls.key)
    client = ssl.create_default_context(cafile=str(authority))
    left, right = socket.socketpair()
    thread = threading.Thread(target=lambda: server.wrap_socket(left, server_side=True).close())
    thread.start()
    try:
        with client.wrap_socket(right, server_hostname=host) as wrapped:
            return str(wrapped.version())
    finally:
        thread.join()
        left.close()
        right.close()


@pytest.mark.parametrize("host", NAMES)
def test_browsers_that_trust_the_authority_accept_every_name(tmp_path: Path, host: str) -> None:
    folder = StateFolder(tmp_path)
    issued = ensure(folder, NAMES, NOW)
    assert issued.renewed
    assert _names_seen(folder, host, issued.authority).startswith("TLSv1.")
    assert issued.tls.problem() == ""


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    ensure(StateFolder(tmp_path), NAMES, NOW)
    files = list((tmp_path / "tls").iterdir())
    assert sorted(file.name for file in files) == ["ca-key.pem", "ca.pem", "server-key.pem", "server.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_is_good_is_kept(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    first = ensure(folder, NAMES, NOW)
    again = ensure(folder, NAMES[:2], NOW + datetime.timedelta(days=10))
    assert not again.renewed
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("names", "days"), [([*NAMES, "192.0.2.9"], 0), (NAMES, SERVER_DAYS - RENEW_DAYS + 1)]
)
def test_new_names_and_age_renew_the_certificate_but_not_the_authority(
    tmp_path: Path, names: list[str], days: int
) -> None:
    folder = StateFolder(tmp_path)
    first = ensure(folder, NAMES, NOW)
    later = ensure(folder, names, NOW + datetime.timedelta(days=days))
    assert later.renewed
    assert later.fingerprint == first.fingerprint
    assert set(names) <= set(later.names)


def test_the_certificate_is_no_authority_and_short_enough_for_browsers(tmp_path: Path) -> None:
    issued = ensure(StateFolder(tmp_path), NAMES, NOW)
    server = x509.load_pem_x509_certificate(Path(issued.tls.certificate).read_bytes())
    constraints = server.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca
    assert server.not_valid_after_utc - server.not_valid_before_utc <= datetime.timedelta(days=398)


@pytest.mark.parametrize("name", ["", "a b", "*.example", "x" * 300, "../etc"])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an address"):
        ensure(StateFolder(tmp_path), [name], NOW)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    ensure(folder, NAMES, NOW)
    (tmp_path / "tls" / "ca.pem").write_text("damaged")
    with pytest.raises(StateError, match=r"ca\.pem"):
        ensure(folder, NAMES, NOW)


def test_this_machines_names_are_host_names_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "host_addresses", lambda: ["127.0.0.1", "192.0.2.7", "fe80::1%eth0"])
    monkeypatch.setattr(socket, "gethostname", lambda: "may-chu")
    assert machine_names() == ["localhost", "may-chu", "may-chu.local", "127.0.0.1", "192.0.2.7"]
    monkeypatch.setattr(socket, "gethostname", lambda: "a_b c")
    assert "a_b c" not in machine_names()


def test_the_instructions_are_in_both_languages_and_name_no_key_file(tmp_path: Path) -> None:
    issued = ensure(StateFolder(tmp_path), NAMES, NOW)
    text = instructions(issued, 7443)
    assert issued.fingerprint in text
    assert str(issued.authority) in text
    assert "https://may-chu.local:7443/" in text
    assert "Tiếng Việt" in text
    assert "English" in text
    assert "ca-key" not in text
