"""Adds, proves and removes second factors, with the row of the trail that each change has.

Codes and passkeys are judged by django-allauth; here is what it leaves to the product: a code
counts once for all processes, attempts are spaced, changes are on record, operators hear of them.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Final

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP, clear_totp_secret, get_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as passkeys
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import Form
from django.http import HttpRequest

from audit import trail
from audit.trail import Action
from policies.database import clock
from policies.grants import notifications
from policies.identity.attempts import Allowance, Attempts
from policies.identity.operators import is_operator

CODE_FITS: Final = dt.timedelta(seconds=90)  # before, in and after its half minute
MOST: Final = 10  # factors of one person
LONGEST_NAME: Final = 60  # characters of a passkey's name
Type = Authenticator.Type

OF_PERSON: Final = Allowance(5, 60.0)  # of a million codes three fit: 1,440 guesses a day

attempts: Final = Attempts(of_account=OF_PERSON)


class NotProved(ValueError):
    """The factor does not count; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Added:
    """A new factor, and the recovery codes that came with the first one; they are shown once."""

    factor: Authenticator
    codes: tuple[str, ...]


def of(user: User) -> QuerySet[Authenticator]:
    """This person's factors, the oldest first."""
    rows: QuerySet[Authenticator] = Authenticator.objects.filter(user=user).order_by("pk")
    return rows


def has_any(user: User) -> bool:
    """Whether they could prove one."""
    return of(user).exclude(type=Type.RECOVERY_CODES).exists()


def codes_left(user: User) -> int:
    """How many recovery codes are not used."""
    row = of(user).filter(type=Type.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row is not None else 0


# --- adding ---------------------------------------------------------------------------------------


def add_app(user: User, code: str, request: HttpRequest, *, ip: str) -> Added:
    """Add the authenticator app whose secret this sign-in was shown. NotProved by a wrong code."""
    _require_few(user)
    if of(user).filter(type=Type.TOTP).exists():
        raise NotProved("You have an authenticator app already: remove it first.")
    form = ActivateTOTPForm(user=user, data={"code": code})
    _judge(user, form, what="a code of a new authenticator app", ip=ip)
    with transaction.atomic():
        factor = TOTP.activate(user, form.secret).instance
        of(user).filter(pk=factor.pk).update(last_used_at=clock.now())  # this code has counted
        added = _added(user, factor, name="authenticator app", ip=ip)
    clear_totp_secret(request)
    return added


def for_app(user: User) -> tuple[str, str]:
    """What an authenticator app is told: the secret of this sign-in, and an SVG picture of it."""
    secret, adapter = get_totp_secret(), get_adapter()
    return secret, adapter.build_totp_svg(adapter.build_totp_url(user, secret))


def add_passkey(user: User, *, name: str, credential: str, ip: str) -> Added:
    """Add the passkey that the browser made. NotProved when it answers something else."""
    _require_few(user)
    said = " ".join(name.split())[:LONGEST_NAME] or "Passkey"
    form = AddWebAuthnForm(user=user, data={"name": said, "credential": credential})
    _judge(user, form, what="a new passkey", ip=ip)
    with transaction.atomic():
        factor = passkeys.WebAuthn.add(user, said, form.cleaned_data["credential"]).instance
        return _added(user, factor, name=f"passkey {said}", ip=ip)


def new_codes(user: User, *, ip: str) -> tuple[str, ...]:
    """New recovery codes in place of the old ones, which count no more."""
    with transaction.atomic():
        for row in of(user).filter(type=Type.RECOVERY_CODES):
            remove(row, by=user, ip=ip, reason="new recovery codes")
        return _codes(user, ip=ip)


def _added(user: User, factor: Authenticator, *, name: str, ip: str) -> Added:
    codes: tuple[str, ...] = ()
    if not of(user).filter(type=Type.RECOVERY_CODES).exists():
        codes = _codes(user, ip=ip)
    _tell(user, f"added: {name}")
    _record(Action.SECOND_FACTOR_ADDED, factor, name=name, by=user, ip=ip)
    return Added(factor, codes)


def _codes(user: User, *, ip: str) -> tuple[str, ...]:
    made = RecoveryCodes.activate(user)
    _record(Action.SECOND_FACTOR_ADDED, made.instance, name="recovery codes", by=user, ip=ip)
    return tuple(made.get_unused_codes())


def _require_few(user: User) -> None:
    if of(user).count() >= MOST:
        raise NotProved(f"You have {MOST} already: remove one first.")


# --- proving --------------------------------------------------------------------------------------


def proved_by_code(user: User, code: str, *, ip: str) -> Authenticator:
    """The factor whose code this is, an app's or a recovery code; it counts once. NotProved."""
    form = BaseAuthenticateForm(user=user, data={"code": code})
    _judge(user, form, what="a code", ip=ip)
    factor: Authenticator = form.authenticator
    if factor.type == Type.TOTP:
        now = clock.now()
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - CODE_FITS)
        if not of(user).filter(unused, pk=factor.pk).update(last_used_at=now):
            raise NotProved("That app was used within the last 90 seconds: wait for a new code.")
    else:
        _record(Action.SECOND_FACTOR_CODE_USED, factor, name="a recovery code", by=user, ip=ip)
    return factor


def proved_by_passkey(user: User, credential: str, *, ip: str) -> Authenticator:
    """The passkey that answered. NotProved."""
    form = AuthenticateWebAuthnForm(user=user, data={"credential": credential})
    _judge(user, form, what="a passkey", ip=ip)
    factor: Authenticator = form.cleaned_data["credential"]
    of(user).filter(pk=factor.pk).update(last_used_at=clock.now())
    return factor


def _judge(user: User, form: Form, *, what: str, ip: str) -> None:
    who = {"address": ip, "account": f"second factor of {user.pk}", "browser": ""}
    if wait := attempts.begin(**who, now=time.monotonic()):
        raise NotProved(f"Too many attempts failed. Wait {int(wait) + 1} seconds.")
    try:
        valid = form.is_valid()
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        valid = False  # what no browser sends: the libraries read it without asking
    if not valid:
        _record_refusal(user, what, ip=ip)
        raise NotProved("That does not fit. Try again, or another factor.")
    attempts.succeeded(**who)


# --- removing -------------------------------------------------------------------------------------


def remove(factor: Authenticator, *, by: User | None, ip: str, reason: str, who: str = "") -> None:
    """Remove a factor; with the last one its recovery codes go too. `who` where it is no person."""
    user, name, pk = factor.user, name_of(factor), factor.pk
    with transaction.atomic():
        factor.delete()
        if factor.type != Type.RECOVERY_CODES:
            _tell(user, f"removed: {name}")
            if not has_any(user):
                for codes in of(user):
                    remove(codes, by=by, ip=ip, reason=reason, who=who)
        factor.pk = pk  # of which the record says what it was
        _record(
            Action.SECOND_FACTOR_REMOVED, factor, name=name, by=by, ip=ip, reason=reason, who=who,
            gone=True,
        )  # fmt: skip


def name_of(factor: Authenticator) -> str:
    """What people call it."""
    match factor.type:
        case Type.TOTP:
            return "authenticator app"
        case Type.WEBAUTHN:
            return f"passkey {factor.data.get('name', '')}".strip()
    return "recovery codes"


def _tell(user: User, what: str) -> None:
    """The person hears of it, and of an operator's factors all operators do."""
    who = user.get_username()
    event = {"event": "second_factor.changed", "of": who, "what": what}
    lines = [f"Second factor of {who} {what}.", "", "If that was not them, lock the account."]
    subject = f"Second factor of {who} {what}"
    if is_operator(user):
        notifications.tell_operators("second_factor", subject, lines, event=event, also=[user])


def _record(
    action: Action,
    factor: Authenticator,
    *,
    name: str,
    by: User | None,
    ip: str,
    reason: str = "",
    who: str = "",
    gone: bool = False,
) -> None:
    columns = {"id": factor.pk, "user_id": factor.user_id, "type": str(factor.type)}
    trail.record_change(
        trail.Entry(
            action,
            actor=trail.actor_of(by, ip=ip)
            if by is not None
            else trail.Actor(kind=trail.ActorKind.SYSTEM, name=who, ip=ip),
            subject_type="authenticator",
            subject_id=str(factor.pk),
            reason=reason,
            data={
                "subject": f"{name} of {factor.user.get_username()}",
                ("was" if gone else "is"): columns,
            },
        )
    )


def _record_refusal(user: User, what: str, *, ip: str) -> None:
    trail.record_durably(
        trail.Entry(
            Action.SECOND_FACTOR_REFUSED,
            actor=trail.actor_of(user, ip=ip),
            subject_type="user",
            subject_id=str(user.pk),
            reason=f"{what} did not fit",
            data={"code": what},
        )
    )
