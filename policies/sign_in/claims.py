"""Reads what the provider says of a person: their name, a verified address, their groups. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_GROUPS: Final = 20_000
LONGEST_GROUP: Final = 256  # characters; a longer name matches no entry of the map
_NAME: Final = re.compile(r"[\w.@+-]{1,150}")  # of accounts: docs/directory.md
_ADDRESS: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


class BadClaims(ValueError):
    """What the provider says cannot be used; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the provider vouches for. `subject` is who they are; a name is only what an account
    would be called ("": the provider says none that could be one), an address is verified."""

    issuer: str
    subject: str
    name: str
    email: str
    groups: frozenset[str]


def person(claims: Mapping[str, Any], *, issuer: str, name_claim: str, groups_claim: str) -> Person:
    """BadClaims when groups are said in a way that leaves open which they are."""
    return Person(
        issuer=issuer,
        subject=claims["sub"],
        name=_name(claims.get(name_claim)),
        email=_email(claims),
        groups=_groups(claims, groups_claim),
    )


def lacks(claims: Mapping[str, Any], *names: str) -> bool:
    """Whether one of these claims has to be asked for elsewhere (the userinfo endpoint)."""
    return any(name not in claims for name in names)


def _name(said: object) -> str:
    if not isinstance(said, str):
        return ""
    name = unicodedata.normalize("NFKC", said.strip())  # as Django does for names that are typed
    return name if _NAME.fullmatch(name) else ""


def _email(claims: Mapping[str, Any]) -> str:
    """An address that the provider did not verify is nobody's."""
    said = claims.get("email")
    proven = claims.get("email_verified") is True
    fits = isinstance(said, str) and len(said) <= 254 and bool(_ADDRESS.fullmatch(said))
    return str(said) if proven and fits else ""


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, Mapping) and claim in elsewhere:
        raise BadClaims(
            f"The answer only says where your groups are listed. Whoever runs the provider can put"
            f" them into the claim {claim}, or fewer of them."
        )
    said = claims.get(claim)
    if said is None:
        return frozenset()
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise BadClaims(f"The claim {claim} in the answer is no list of group names.")
    if len(said) > MOST_GROUPS:
        raise BadClaims(f"The claim {claim} in the answer names more than {MOST_GROUPS:,} groups.")
    return frozenset(each for each in said if len(each) <= LONGEST_GROUP)
