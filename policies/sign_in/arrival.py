"""Lets in whom the provider vouches for: their account, their roles as of now, or a refusal."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from audit import trail
from policies.database import clock
from policies.models import SignInIdentity
from policies.sign_in import accounts, roles
from policies.sign_in.claims import Person
from policies.sign_in.provider import NotSignedIn


def arrive(person: Person, *, ip: str = "") -> User:
    """The account of this person, with the roles that their groups give at this moment.

    NotSignedIn when there is none and none is made, or when it is inactive.
    """
    wanted = roles.existing(settings.SIGN_IN.roles.roles(person.groups))
    try:
        with transaction.atomic():
            identity = accounts.found(person) or _made(person, known=bool(wanted), ip=ip)
            accounts.require_active(identity)
            SignInIdentity.objects.filter(pk=identity.pk).update(seen_at=clock.now())
    except IntegrityError:  # in two windows at once
        raise NotSignedIn("twice", "You are signing in twice at once. Sign in again.") from None
    roles.apply(identity.pk, wanted, ip=ip)
    return User.objects.get(pk=identity.user_id)


def _made(person: Person, *, known: bool, ip: str) -> SignInIdentity:
    if not known:
        raise NotSignedIn(
            "no role",
            "You have no account here, and none of your groups gives you one. Ask whoever runs this"
            " console.",
        )
    changes = accounts.changes_of(person.issuer, who=person.name or person.subject, ip=ip)
    identity = accounts.made(person, changes)
    changes.record()
    return identity


def record_refusal(refused: NotSignedIn, *, ip: str, person: Person | None = None) -> None:
    """One row for a refused sign-in; repeats within the minute are counted. Of somebody whom the
    provider vouches for it says who."""
    about = accounts.known(person) if person is not None else None
    trail.record_durably(
        trail.Entry(
            trail.Action.SIGN_IN_REFUSED,
            actor=trail.Actor(
                kind=trail.ActorKind.ANONYMOUS,
                name=about.get_username() if about else "",
                ip=ip,
            ),
            subject_type="user",
            subject_id=str(about.pk) if about else "",
            reason=str(refused),
            data={
                "code": f"provider: {refused.code}",
                "issuer": settings.SIGN_IN.issuer,
                **({"subject": person.subject} if person is not None else {}),
            },
        )
    )
