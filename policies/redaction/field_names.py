"""Names of fields whose values are secret whatever they look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

# A name that ends so is secret too: dbPassword, stripe_secret_key, slackToken, user.passwd.
_CHOSEN: Final = ("password", "passwd", "passphrase", "passcode", "secret", "credentials")
_ISSUED: Final = (
    "token", "apikey", "secretkey", "accesskey", "privatekey", "authorization", "cookie", "cookies",
    "sessionid",
)  # fmt: skip
# Chosen by people or short: a token of the value could be compared with guesses.
_GUESSABLE: Final = frozenset(
    ("pwd", "mysqlpwd", "pin", "otp", "totp", "cvv", "cvc", "ssn", "cardnumber", "creditcard",
     "secrets", "credential", "auth")
)  # fmt: skip
_MAX_CACHED: Final = 4096  # programs use few names; whoever makes up more pays for each
# Anything else is a text to scan, not a name; so is a name that was masked.
_NAME: Final = re.compile(r"(?!.*\[redacted:)[\w .:/$\[\]-]{1,128}")


class FieldVerdict(IntEnum):
    """What a field's name says about its value."""

    HARMLESS = 0
    ISSUED = 1  # text under it is a credential that a machine made: the mask may carry a token
    CHOSEN = 2  # text and numbers under it may be guessed: no token


class FieldNames(dict[str, FieldVerdict]):
    """The verdict for each name, made when it is first asked for."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = frozenset(plain(name) for name in names)

    def __missing__(self, name: str) -> FieldVerdict:
        verdict = self._judge(plain(name)) if _NAME.fullmatch(name) else FieldVerdict.HARMLESS
        if len(self) < _MAX_CACHED:
            self[name] = verdict
        return verdict

    def _judge(self, bare: str) -> FieldVerdict:
        if bare.endswith(_CHOSEN) or (bare in self.names and bare in _GUESSABLE):
            return FieldVerdict.CHOSEN
        return FieldVerdict(bare in self.names or bare.endswith(_ISSUED))


def plain(name: str) -> str:
    """The name without case and without anything but letters and digits."""
    return "".join(char for char in name.lower() if char.isalnum())
