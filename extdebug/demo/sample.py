"""The sample directory: two tenants, two extensions, three installs and seven people.

Idempotent: every step takes what is there and adds what is missing, so that a second start
works on what the first left. The tests use the same cast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import Permission, User
from django.db import transaction

from policies.grants import verbs
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Grant,
    Install,
    Membership,
    Tenant,
)

PASSWORD: Final = "demo-console"  # printed on start; the demo listens on loopback

# name -> what the person is, as the demo prints it
PEOPLE: Final = {
    "olivia": "internal operator, admin site",
    "oscar": "internal operator, admin site",
    "alice": "tenant admin of acme",
    "greta": "tenant admin of globex",
    "dan": "developer of invoice-sync, all installs",
    "dora": "developer of invoice-sync, inst-acme only",
    "mallory": "outsider: sees nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everybody and everything in the sample, by name."""

    acme: Tenant
    globex: Tenant
    invoice_sync: Extension
    report_maker: Extension
    inst_acme: Install
    inst_globex: Install
    inst_reports: Install
    olivia: User
    oscar: User
    alice: User
    greta: User
    dan: User
    dora: User
    mallory: User


@transaction.atomic
def lay_out(*, password: str = PASSWORD) -> Cast:
    """Make whatever is missing of the sample; everybody's password becomes `password`."""
    acme = _tenant("acme", name="Acme Ltd")
    globex = _tenant("globex", name="Globex Corporation")
    invoice_sync = _extension("invoice-sync", name="Invoice Sync")
    report_maker = _extension("report-maker", name="Report Maker")
    inst_acme = _install("inst-acme", tenant=acme, extension=invoice_sync)
    inst_globex = _install("inst-globex", tenant=globex, extension=invoice_sync)
    inst_reports = _install("inst-reports", tenant=globex, extension=report_maker)

    people = {name: _person(name, password=password) for name in PEOPLE}
    for operator in (people["olivia"], people["oscar"]):
        operator.is_staff = True
        operator.save(update_fields=["is_staff"])
        operator.user_permissions.set(_operator_permissions())
    _admin(people["alice"], tenant=acme)
    _admin(people["greta"], tenant=globex)
    _developer(people["dan"], extension=invoice_sync, installs=None)
    _developer(people["dora"], extension=invoice_sync, installs=[inst_acme])
    return Cast(
        acme=acme,
        globex=globex,
        invoice_sync=invoice_sync,
        report_maker=report_maker,
        inst_acme=inst_acme,
        inst_globex=inst_globex,
        inst_reports=inst_reports,
        **people,
    )


def ask_for_a_grant(cast: Cast) -> None:
    """A request of dan's that waits for an approver, unless he has one or was given one."""
    waiting = Grant.objects.filter(
        beneficiary=cast.dan, state__in=(Grant.State.REQUESTED, Grant.State.ACTIVE)
    )
    if not waiting.exists():
        verbs.request(
            cast.dan,
            tenant=cast.acme.key,
            extension=cast.invoice_sync.key,
            minutes=60,
            reason="Invoices of Acme are synced twice since this morning",
            ticket="DEMO-1",
        )


def _tenant(key: str, *, name: str) -> Tenant:
    return Tenant.objects.get_or_create(key=key, defaults={"name": name})[0]


def _extension(key: str, *, name: str) -> Extension:
    """Declares the capability, without which nobody but operators may watch."""
    extension = Extension.objects.get_or_create(key=key, defaults={"name": name})[0]
    Capability.objects.get_or_create(
        extension=extension, install=None, name=Capability.Name.DEBUG_LOGS
    )
    return extension


def _install(key: str, *, tenant: Tenant, extension: Extension) -> Install:
    install = Install.objects.get_or_create(
        key=key,
        defaults={
            "tenant": tenant,
            "extension": extension,
            "name": f"{extension.name} at {tenant.name}",
        },
    )[0]
    Capability.objects.get_or_create(
        extension=extension, install=install, name=Capability.Name.DEBUG_LOGS
    )
    return install


def _person(name: str, *, password: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        return User.objects.create_user(name, f"{name}@example.test", password)
    if not user.check_password(password):  # a new hash would sign everybody out on each start
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _operator_permissions() -> list[Permission]:
    """Operating the console, and the policies and sessions in the admin site."""
    return list(
        Permission.objects.filter(content_type__app_label__in=("policies", "extdebug", "audit"))
    )


def _admin(user: User, *, tenant: Tenant) -> None:
    Membership.objects.get_or_create(
        user=user, tenant=tenant, defaults={"role": Membership.Role.ADMIN}
    )


def _developer(user: User, *, extension: Extension, installs: list[Install] | None) -> None:
    """`installs=None` means all of them."""
    row = ExtensionDeveloper.objects.get_or_create(
        user=user, extension=extension, defaults={"all_installs": installs is None}
    )[0]
    row.installs.set(installs or [])
