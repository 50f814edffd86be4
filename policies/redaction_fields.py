"""Names of fields whose values are secret whatever they look like."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

# A name that ends so is secret too: dbPassword, stripe_secret_key, slackToken, user.passwd.
_ENDINGS: Final = (
    "password", "passwd", "passphrase", "secret", "secretkey", "apikey", "privatekey", "accesskey",
    "token", "credentials", "credential", "authorization", "cookie", "cookies",
)  # fmt: skip
# Numbers under these names are secrets; under `token` a number is a count.
_NUMERIC: Final = ("password", "passwd", "passcode", "pwd", "pin", "otp", "totp", "cvv", "cvc")
MAX_NAME: Final = 128  # longer names are text to scan, not names


class FieldNames:
    """Decides by name; answers are cached, since programs use few names."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(plain(name) for name in names)
        self._verdict = lru_cache(maxsize=4096)(self._judge)

    def verdict(self, name: str) -> int:
        """0 harmless, 1 text under it is secret, 2 numbers too."""
        return self._verdict(name) if len(name) <= MAX_NAME else 0

    def _judge(self, name: str) -> int:
        bare = plain(name)
        if bare not in self.names and not bare.endswith(_ENDINGS):
            return 0
        return 2 if bare.endswith(_NUMERIC) or bare in ("ssn", "cardnumber", "creditcard") else 1


def plain(name: str) -> str:
    """The name without case and without anything but letters and digits."""
    return "".join(char for char in name.lower() if char.isalnum())
