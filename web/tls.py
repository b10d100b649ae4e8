"""A certificate chain and its key as files, for HTTPS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files."""

    certificate: str
    key: str

    def problem(self) -> str:
        """What keeps them from being used, in one sentence, or nothing."""
        for path in (self.certificate, self.key):
            if not Path(path).exists():
                return f"the certificate cannot be used: {path} is not there"
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            return f"the certificate {self.certificate} cannot be used: {error}"
        return ""
