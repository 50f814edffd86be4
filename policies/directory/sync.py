"""Brings policy in step with a directory document, in one transaction and on record, or tries it.

Two runs at once come one after the other, and the second sees what the first did; so does whoever
edits these tables at the desk meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from audit import trail
from policies import cuts
from policies.changes import second_person
from policies.changes.bulk import Changes
from policies.database import clock
from policies.directory import applying, gate, people, releases, state, targets
from policies.directory.document import Document, Options
from policies.directory.steps import Plan, Step
from policies.grants import notifications
from policies.models import (
    Capability,
    DirectoryRelease,
    Extension,
    ExtensionDeveloper,
    Install,
    KeptRow,
    Lock,
    Membership,
    Tenant,
)

# The database or the trail does not take it now: nothing was done, and later it may be.
UNAVAILABLE: Final = (DatabaseError, trail.AuditError)
PATIENCE_MS: Final = 10_000  # for the tables; whoever holds one that long is stuck
NAME: Final = "directory"  # the actor, as the trail names it
REASON: Final = "brought in step with the directory"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did or, as a dry run, would do."""

    made: Sequence[Step]
    waiting: Sequence[Step]
    left_alone: Sequence[str]
    dry_run: bool = False


def sync(
    document: Document, options: Options, *, dry_run: bool = False, by: str = "", ip: str = ""
) -> Outcome:
    """Make the document true, `by` whom in the trail's words.

    BadDocument or gate.Refused when nothing is done, and so for what is in UNAVAILABLE, a table
    that somebody else holds too long included. A dry run does it all and takes it back, its records
    too.
    """
    with transaction.atomic():
        _hold_still(document)
        outcome = _run(document, options, by=by, ip=ip)
        if dry_run:
            transaction.set_rollback(True)
    return Outcome(outcome.made, outcome.waiting, outcome.left_alone, dry_run=dry_run)


def plan_of(document: Document, known: state.State) -> Plan:
    """What differs between the document and what there is. BadDocument when they contradict."""
    plan, now = Plan(), clock.now()
    if "tenants" in document.sections:
        targets.plan_tenants(document, known, plan, now=now)
    if "extensions" in document.sections:
        targets.plan_extensions(document, known, plan)
    if "installs" in document.sections:
        targets.plan_installs(document, known, plan)
    if "people" in document.sections:
        people.plan_people(document, known, plan, now=now)
    if "roles" in document.sections:
        people.plan_roles(document, known, plan)
    if "capabilities" in document.sections:
        people.plan_capabilities(document, known, plan)
    return plan


def _run(document: Document, options: Options, *, by: str, ip: str) -> Outcome:
    known = state.read()
    kept = Counter(mark.section for mark in known.kept.values() if not mark.left)
    plan = plan_of(document, known)
    now = clock.now()
    two_needed = second_person.needed() and not second_person.one_person_may()
    asked = [step for step in plan.steps if step.two] if two_needed else []
    batch = releases.released(document, asked, now=now)
    chosen = gate.choose(
        plan, options, kept=kept, two_needed=two_needed, released=batch is not None
    )
    actor = trail.Actor(kind=trail.ActorKind.SYSTEM, name=f"{NAME} ({by})" if by else NAME, ip=ip)
    changes = Changes(actor, reason=REASON)
    applying.make(chosen.made, changes)
    if batch is not None:
        releases.use(batch, changes, now=now)
    releases.ask(document, [] if batch is not None else asked, changes, now=now)
    changes.record()
    alone = [step for step in chosen.made if step.two]
    if alone and second_person.needed() and batch is None:
        _tell_alone(alone, actor)
    if chosen.made:
        cuts.hint("policy", subject=NAME)
    return Outcome(chosen.made, chosen.waiting, plan.left_alone)


def _tell_alone(steps: Sequence[Step], actor: trail.Actor) -> None:
    """EXT_DEBUG_ONE_PERSON is set: one record and one mail for all that would have needed two."""
    why = sorted({step.widens for step in steps})
    what = f"{len(steps)} row{'' if len(steps) == 1 else 's'} of policy"
    trail.record(
        trail.Entry(
            trail.Action.CHANGE_MADE_ALONE,
            actor=actor,
            subject_type=NAME,
            reason=REASON,
            data={
                "subject": what,
                "why": why,
                "setting": "EXT_DEBUG_ONE_PERSON",
                "changes": [step.words for step in steps],
            },
        )
    )
    notifications.announce_alone(what, " ".join(why), by=None, who=actor.name)


def _hold_still(document: Document) -> None:
    """Nobody else changes these tables until the commit; reading goes on. On SQLite a transaction
    has the database to itself."""
    if connection.vendor != "postgresql":
        return
    held: list[type[Model]] = [
        KeptRow, DirectoryRelease, Tenant, Extension, Install, Membership, ExtensionDeveloper,
        ExtensionDeveloper.installs.through, Capability, Lock,
    ]  # fmt: skip
    if "people" in document.sections:
        held.append(User)  # a sign-in notes its time there
    names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in held)  # noqa: SLF001
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        before: Any = cursor.fetchone()[0]
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{PATIENCE_MS}ms"])
        cursor.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
