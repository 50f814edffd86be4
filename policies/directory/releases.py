"""What waits for two operators, as one batch that they release: used once, by the next run.

A batch is exactly what one run left. When the next run of the same sections would leave anything
else, it is another batch, and nothing that was released for the first counts for it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib.auth.models import User

from policies.changes.bulk import Changes
from policies.directory.document import SECTIONS, Document
from policies.directory.steps import Step
from policies.models import (
    Capability,
    DirectoryRelease,
    ExtensionDeveloper,
    Membership,
)

GOOD_FOR: Final = dt.timedelta(days=1)  # from the release to the run that uses it


def digest_of(changes: Iterable[Sequence[str]]) -> str:
    """What tells one batch from another: every section, name and word of it."""
    said = json.dumps(sorted(list(each) for each in changes))
    return hashlib.sha256(said.encode()).hexdigest()


def sections_of(document: Document) -> str:
    return ",".join(each for each in SECTIONS if each in document.sections)


def released(document: Document, steps: Sequence[Step], *, now: dt.datetime) -> Any:
    """The batch that two operators have released for exactly these steps; None without one."""
    if not steps:
        return None
    fresh = DirectoryRelease.objects.filter(
        sections=sections_of(document), digest=digest_of(_changes(steps)), used_at=None
    )
    return fresh.filter(released_at__gt=now - GOOD_FOR, released_at__lte=now).first()


def use(batch: DirectoryRelease, changes: Changes, *, now: dt.datetime) -> None:
    """It counts no more."""
    changes.change([(batch, {"used_at": now})])


def ask(document: Document, steps: Sequence[Step], changes: Changes, *, now: dt.datetime) -> None:
    """Note what waits now, in place of what waited before; nothing waits: there is no batch."""
    sections, waiting = sections_of(document), _changes(steps)
    before = DirectoryRelease.objects.filter(sections=sections, released_at=None).first()
    if before is not None and before.digest == digest_of(waiting):
        return
    if before is not None:
        changes.delete([before])
    if waiting:
        batch = DirectoryRelease(
            sections=sections,
            digest=digest_of(waiting),
            changes=waiting,
            gainers=sorted(_gainers(steps)),
            asked_at=now,
        )
        changes.create([batch])


def _changes(steps: Sequence[Step]) -> list[list[str]]:
    return [[step.section, step.name, step.words] for step in steps]


def _gainers(steps: Sequence[Step]) -> set[int]:
    """Whoever gains does not approve: by a role, an account, or a capability where they watch."""
    people, extensions = set[int](), set[int]()
    for step in steps:
        match step.row:
            case Membership() | ExtensionDeveloper():
                people.add(step.row.user.pk)
            case User():
                people.add(step.row.pk)
            case Capability():
                extensions.add(step.row.extension.pk)
    developers = ExtensionDeveloper.objects.filter(extension__in=extensions)
    admins = Membership.objects.filter(tenant__installs__extension__in=extensions)
    people.update(developers.values_list("user_id", flat=True))
    people.update(admins.values_list("user_id", flat=True))
    return people
