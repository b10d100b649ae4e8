"""What can be wrong about coming in."""

from __future__ import annotations

import math
from typing import ClassVar

from directory.errors import DirectoryError


class SignInError(DirectoryError):
    """No sign-in with these words. Deliberately one error: nobody learns which logins there are."""

    code: ClassVar[str] = "sign_in"


class TooManyTriesError(DirectoryError):
    """Sign-in was tried too often. ``retry_after`` is in whole seconds (RFC 9110, section 10.2.3)."""

    code: ClassVar[str] = "too_many_tries"

    def __init__(self, wait: float) -> None:
        self.retry_after = max(1, math.ceil(wait))
        super().__init__(
            f"too many tries to sign in; again in {self.retry_after} s", retry_after=self.retry_after
        )


class LastAdministratorError(DirectoryError):
    """It would leave nobody who can administer the service."""

    code: ClassVar[str] = "last_administrator"
