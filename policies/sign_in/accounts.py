"""Finds or makes the account of somebody the provider vouches for, by issuer and subject alone.

An account that is there already is never taken over because its name or address is the same: it is
linked by somebody who may (`manage.py link_sign_in`). One is made only for whom a group gives a
role, so that the provider's whole company does not become a list of accounts here.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from audit import trail
from policies.changes.bulk import Changes
from policies.database import clock
from policies.models import SignInIdentity
from policies.sign_in.claims import Person
from policies.sign_in.provider import NotSignedIn

NAME: Final = "sign-in"  # the actor, as the trail names it: with the provider's issuer
_ASK: Final = "Ask whoever runs this console"


class NotLinked(ValueError):
    """An account and a subject cannot be linked; the message says why."""


def changes_of(issuer: str, *, who: str, ip: str = "") -> Changes:
    """Changes of one sign-in, recorded with the provider and the person."""
    actor = trail.Actor(kind=trail.ActorKind.SYSTEM, name=f"{NAME} ({issuer})"[:150], ip=ip)
    return Changes(actor, reason=f"{who} as known to {issuer}"[:500])


def found(person: Person) -> SignInIdentity | None:
    """The identity of this person, locked until the commit, if an account is linked to them."""
    rows = SignInIdentity.objects.select_for_update(of=("self",)).select_related("user")
    return rows.filter(issuer=person.issuer, subject=person.subject).first()


def known(person: Person) -> User | None:
    """The account that is linked to this person, for what is said of them."""
    rows = SignInIdentity.objects.select_related("user")
    row = rows.filter(issuer=person.issuer, subject=person.subject).first()
    return row.user if row is not None else None


def made(person: Person, changes: Changes) -> SignInIdentity:
    """A new account for this person. NotSignedIn where there is no name for it, or it is taken."""
    if not person.name:
        raise NotSignedIn(
            "no name",
            f"The answer has no name that an account here could have. {_ASK} to link yours.",
        )
    if User.objects.filter(username__iexact=person.name).exists():
        raise NotSignedIn(
            "name taken",
            f"There is an account {person.name} here that is not linked to you. {_ASK} to link it,"
            " if it is yours.",
        )
    user = User(username=person.name, email=_address(person), password=make_password(None))
    identity = SignInIdentity(
        issuer=person.issuer, subject=person.subject, user=user, linked_at=clock.now()
    )
    changes.create([user])
    changes.create([identity])
    return identity


def require_active(identity: SignInIdentity) -> None:
    """NotSignedIn for an account that was deactivated: no sign-in wakes it."""
    if not identity.user.is_active:
        raise NotSignedIn("inactive", f"The account {identity.user.get_username()} is inactive.")


def link(user: User, *, issuer: str, subject: str, by: str) -> SignInIdentity:
    """Link an account to a subject, `by` whom in the trail's words. NotLinked when one is taken."""
    row = SignInIdentity(issuer=issuer, subject=subject, user=user, linked_at=clock.now())
    changes = Changes(trail.Actor(kind=trail.ActorKind.SYSTEM, name=by[:150]), reason="linked")
    try:
        with transaction.atomic():
            changes.create([row])
            changes.record()
    except IntegrityError:
        raise NotLinked(_taken(user, issuer=issuer, subject=subject)) from None
    return row


def unlink(identity: SignInIdentity, *, by: str) -> None:
    """Take a link away; what groups gave is taken away by the caller first."""
    changes = Changes(trail.Actor(kind=trail.ActorKind.SYSTEM, name=by[:150]), reason="unlinked")
    changes.delete([identity])
    changes.record()


def _address(person: Person) -> str:
    try:
        validate_email(person.email)
    except ValidationError:
        return ""
    return person.email


def _taken(user: User, **who: Any) -> str:
    other = SignInIdentity.objects.select_related("user").filter(**who).first()
    if other is not None:
        return f"{who['subject']} is linked to {other.user.get_username()} already."
    return f"{user.get_username()} is linked to another subject of {who['issuer']} already."
