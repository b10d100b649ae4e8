"""Coming in: a person by login and password, a device or agent by its key. Failures make callers wait."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Select, select

from directory.access import credentials, owners
from directory.access.errors import SignInError, TooManyTriesError
from directory.access.logins import read_login
from directory.access.principal import Principal
from directory.access.secrets import Hasher, Hashing, check_password, read_key
from directory.access.sessions import LIFETIMES, Lifetimes, Opened, Visit, open_session
from directory.access.throttle import ADDRESS_FREE, ADDRESS_LEAK, Throttle, address_name
from directory.database import Database
from directory.errors import InvalidError, UnavailableError
from directory.model import Credential, Endpoint, Person

_TYPED: Final = 64
"""Characters by which typed text counts that can be nobody's login."""


class SignIn:
    """The door. Throttles live as long as it does, and hold nothing when the service starts anew."""

    def __init__(
        self,
        database: Database,
        hashing: Hashing,
        *,
        names: Throttle | None = None,
        addresses: Throttle | None = None,
        lifetimes: Lifetimes = LIFETIMES,
    ) -> None:
        self.names = names or Throttle()
        self.addresses = addresses or Throttle(free=ADDRESS_FREE, leak=ADDRESS_LEAK)
        self._database = database
        self._hashing = hashing
        self._lifetimes = lifetimes

    async def person(self, login: str, password: str, visit: Visit) -> Opened:
        """Open a person's session. Tries of a ``visit.browser`` count apart from those of strangers.

        Raises SignInError for an unknown login, a wrong password, and a person without credential or
        disabled, all alike; TooManyTriesError, UnavailableError.
        """
        known = read_login(login)
        found = (
            select(Credential)
            .join(Person, Credential.person_id == Person.id)
            .where(
                Person.login == (known or ""), Person.disabled_at.is_(None), Credential.revoked_at.is_(None)
            )
        )
        hasher = self._hashing.passwords
        name = f"login:{known or login[:_TYPED]}" + (f":{visit.browser}" if visit.browser else "")
        credential, outdated = await self._judge(name, found, password, hasher, visit)
        return await self._open(credential, password if outdated else None, hasher, visit)

    async def device(self, key: str, visit: Visit) -> Opened:
        """Open the session of a site's device or an agent by its key. Raises as :meth:`person` does.

        Wrong keys count for their id and address together: an id is no secret, and a stranger who
        knows it must not keep a site out.
        """
        read = read_key(key.strip())
        credential_id, secret = read or ("", "")
        found = (
            select(Credential)
            .join(Endpoint, Credential.endpoint_id == Endpoint.id)
            .where(Credential.id == credential_id, Credential.revoked_at.is_(None))
            .where(Endpoint.retired_at.is_(None))
        )
        hasher = self._hashing.keys
        name = f"key:{credential_id}:{address_name(visit.address)}"
        credential, outdated = await self._judge(name, found, secret, hasher, visit)
        return await self._open(credential, secret if outdated else None, hasher, visit)

    async def change_password(self, principal: Principal, current: str, new: str, visit: Visit) -> Opened:
        """Give a person the password that the person chose; all old sessions end and a new one opens.

        Raises InvalidError with the field (``current`` or ``password``), TooManyTriesError, ChangedError
        if the password was changed meanwhile, UnavailableError.
        """
        if principal.kind != "person":
            raise InvalidError("only people have passwords", field="current", problem="kind")
        found = select(Credential).where(
            Credential.id == principal.credential_id, Credential.revoked_at.is_(None)
        )
        try:
            credential, _ = await self._judge(
                f"login:{principal.name}", found, current, self._hashing.passwords, visit
            )
        except SignInError:
            raise InvalidError("the current password is wrong", field="current", problem="wrong") from None
        check_password(new, principal.name)
        if (await self._hashing.passwords.verify(new, credential.hash)).right:
            raise InvalidError("the new password is the old one", field="password", problem="same")
        secret = await self._hashing.own_password(new)
        async with self._database.write() as session:
            info = await credentials.issue(
                session,
                owners.person(principal.id),
                secret,
                by=principal.actor,
                now=visit.now,
                replacing=credential.id,
            )
            return await open_session(session, info.id, visit, self._lifetimes)

    async def _judge(
        self, name: str, found: Select[Credential], secret: str, hasher: Hasher, visit: Visit
    ) -> tuple[Credential, bool]:
        """The credential whose secret this is, and whether its hash is outdated; counts what fails."""
        address = address_name(visit.address)
        wait = self.addresses.wait(address, visit.monotonic)
        # An address counts when the answer is known: hundreds of sites behind one may come in at once.
        wait = wait or self.names.take(name, visit.monotonic)
        if wait > 0:
            raise TooManyTriesError(wait)
        try:
            async with self._database.read() as session:
                credential = await session.scalar(found)
            verdict = await hasher.verify(secret, credential.hash if credential else None)
        except UnavailableError:
            self.names.take_back(name)
            raise
        if credential is None or not verdict.right:
            self.addresses.failed(address, visit.monotonic)
            raise SignInError("no sign-in with these words")
        self.names.succeeded(name)
        return credential, verdict.outdated

    async def _open(
        self, credential: Credential, outdated: str | None, hasher: Hasher, visit: Visit
    ) -> Opened:
        """Open the session; ``outdated`` is a secret whose hash needs today's parameters."""
        new = await hasher.hash(outdated) if outdated is not None else None
        async with self._database.write() as session:
            opened = await open_session(session, credential.id, visit, self._lifetimes)
            if new is not None:
                await credentials.rehash(session, credential.id, credential.hash, new)
            return opened
