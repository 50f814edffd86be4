"""Lays out, inside the console's own process, who watches in a bench and which streams there are.

`manage.py shell` of the run's database calls it. People are printed as JSON: for each a cookie, and
the tenant and extension that they may watch.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.db import transaction

from extdebug.demo import sample
from policies.models import Capability, Extension, ExtensionDeveloper, Install, Limits, Tenant
from tests.bench import opening_world

# Developers of the extension, who watch: nobody may open more than ten sessions in a second.
PEOPLE: Final = 400
_NO_LIMIT: Final = 2_000_000_000
_LIMITS: Final = (
    "sessions_per_user", "openings_per_minute", "sessions_per_tenant", "sessions_per_extension",
    "events_per_second", "bytes_per_second",
)  # fmt: skip


@transaction.atomic
def print_people() -> None:
    """The demo's cast with its limits lifted, and PEOPLE who are signed in."""
    cast = sample.lay_out()
    lifted = dict.fromkeys(_LIMITS, _NO_LIMIT)
    Limits.objects.update_or_create(tenant=None, extension=None, defaults=lifted)
    people = User.objects.bulk_create(
        User(username=f"watcher-{number}", password="!") for number in range(PEOPLE)
    )
    ExtensionDeveloper.objects.bulk_create(
        ExtensionDeveloper(user=one, extension=cast.invoice_sync, all_installs=True)
        for one in people
    )
    target = (cast.acme.key, cast.invoice_sync.key)
    print(json.dumps([(_signed_in(one), *target) for one in people]))


def _signed_in(user: User) -> str:
    session: Any = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def print_world() -> None:
    """10,000 installs and 1,000 grants, and the people who have the grants."""
    opening_world.lay_out()
    people = []
    for number in range(opening_world.PEOPLE):
        cookie = f"{settings.SESSION_COOKIE_NAME}={opening_world.key_of(f'p{number:04}')}"
        people.append((cookie, *opening_world.target_of(number)))
    print(json.dumps(people))


@transaction.atomic
def print_extensions(count: int, *, prefix: str, tenant: str) -> None:
    """As many more extensions installed at this tenant, each developed by one of the people."""
    owner = Tenant.objects.get(key=tenant)
    people = list(User.objects.filter(username__startswith="watcher-").order_by("pk"))
    made = Extension.objects.bulk_create(
        Extension(key=f"{prefix}-{number}", name=f"Extension {number}") for number in range(count)
    )
    installs = Install.objects.bulk_create(
        Install(key=f"inst-{one.key}", tenant=owner, extension=one) for one in made
    )
    Capability.objects.bulk_create(Capability(extension=one) for one in made)
    Capability.objects.bulk_create(
        Capability(extension=one.extension, install=one) for one in installs
    )
    ExtensionDeveloper.objects.bulk_create(
        ExtensionDeveloper(user=people[number % len(people)], extension=one, all_installs=True)
        for number, one in enumerate(made)
    )
    print(json.dumps([one.key for one in made]))
