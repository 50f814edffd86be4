"""Documents for the tests of the directory, and what they come to in the database."""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib.auth.models import User

from policies.directory.document import Document, Options, read_json
from policies.directory.sync import Outcome, sync
from policies.models import Capability, Extension, ExtensionDeveloper, Membership, Tenant

WIDEN: Final = Options(widen=True, allow_removals=10_000)
WHOLE: Final[dict[str, Any]] = {
    "tenants": [{"key": "umbrella", "name": "Umbrella"}, {"key": "initech"}],
    "extensions": [{"key": "mailer", "name": "Mailer"}],
    "installs": [
        {"key": "mail-u", "tenant": "umbrella", "extension": "mailer"},
        {"key": "mail-i", "tenant": "initech", "extension": "mailer"},
    ],
    "people": [{"username": "uma", "email": "uma@umbrella.test"}, {"username": "ines"}],
    "roles": [
        {"person": "uma", "role": "admin", "tenant": "umbrella"},
        {"person": "ines", "role": "developer", "extension": "mailer", "installs": ["mail-u"]},
    ],
    "capabilities": [{"extension": "mailer"}, {"extension": "mailer", "install": "mail-u"}],
}


def document(**sections: Any) -> Document:
    return read_json(json.dumps(sections).encode())[0]


def without(section: str, *places: int) -> dict[str, Any]:
    """WHOLE, less some rows of a section."""
    rows = [row for place, row in enumerate(WHOLE[section]) if place not in places]
    return {**WHOLE, section: rows}


def synced(options: Options = WIDEN, *, dry_run: bool = False, **sections: Any) -> Outcome:
    return sync(document(**sections), options, dry_run=dry_run)


def said(outcome: Outcome) -> list[str]:
    return [f"{step.sign} {step.words}" for step in outcome.made]


def access() -> dict[str, set[Any]]:
    """All that gives or stops access, by names. (An install without capability gives none.)"""
    developers = ExtensionDeveloper.objects.prefetch_related("installs")
    return {
        "tenants": set(Tenant.objects.filter(suspended_at=None).values_list("key", flat=True)),
        "extensions": set(Extension.objects.filter(locks=None).values_list("key", flat=True)),
        "people": set(User.objects.filter(is_active=True).values_list("username", "is_staff")),
        "admins": set(Membership.objects.values_list("user__username", "tenant__key")),
        "developers": {
            (
                row.user.username, row.extension.key, row.all_installs,
                frozenset(each.key for each in row.installs.all()),
            )
            for row in developers
        },
        "capabilities": set(Capability.objects.values_list("extension__key", "install__key")),
    }  # fmt: skip
