"""Production around the fixed cast, and short ways to say what a test is about."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies import access
from policies.access import Decision, OpenSessions
from policies.changes import requests
from policies.changes.second_person import NeedsSecond
from policies.grants import notifications, verbs
from policies.models import ChangeRequest, Grant
from tests.fixtures.threads import join_named

TARGET: dict[str, Any] = {"tenant": "acme", "extension": "invoice-sync"}


@pytest.fixture
def production(settings: Any) -> Any:
    """Production with the console switched on: nothing is open without a grant."""
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    return settings


@pytest.fixture
def third_operator(cast: Cast) -> User:
    """A third pair of eyes beside olivia and oscar."""
    otto = User.objects.create_user("otto", "otto@example.test", is_staff=True)
    otto.user_permissions.set(cast.olivia.user_permissions.all())
    return otto


@pytest.fixture
def root(db: None) -> Client:
    """A superuser, signed in to the admin."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture(autouse=True)
def _quiet_courier() -> Iterator[None]:
    """Let the thread that sends notices finish before the database is emptied."""
    yield
    join_named(notifications.THREAD)


def ask(user: User, **more: Any) -> Decision:
    """What would be decided for this user now, without opening."""
    viewer = access.viewer_of(user, transport="ws")
    return access.decide(viewer, **{**TARGET, **more})


def knock(user: User, sessions: Callable[[], OpenSessions] = OpenSessions) -> Decision:
    """What is decided for this user who opens a session while so many are open."""
    viewer = access.viewer_of(user, transport="ws")
    with transaction.atomic():
        openings = access.openings([(viewer, TARGET["tenant"], TARGET["extension"])])
        decision = openings.decide(0, sessions())
        openings.write()
    return decision


def request(by: User, **more: Any) -> Grant:
    return verbs.request(by, **{**TARGET, "minutes": 60, "reason": "a customer waits", **more})


def granted(cast: Cast, to: User, **more: Any) -> Grant:
    """An active grant, approved by olivia or, for olivia, by oscar."""
    pending = request(to, **more)
    approver = cast.oscar if to == cast.olivia else cast.olivia
    return verbs.approve(pending.pk, by=approver)


def operate() -> Permission:
    """The permission that makes a member of staff an operator."""
    return Permission.objects.get(codename="operate_debug")


def wants(change: Callable[[], Any], *, by: User, reason: str = "an audit") -> ChangeRequest:
    """The request for a change that one person may not make alone."""
    with pytest.raises(NeedsSecond) as needs:
        change()
    return requests.ask(needs.value.plan, by=by, reason=reason)


def refused_sql(statement: str) -> None:
    """The database itself refuses this statement."""
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def actions(**where: Any) -> list[str]:
    """The actions of the audit trail, oldest first."""
    return list(
        AuditRecord.objects.filter(**where).order_by("seq").values_list("action", flat=True)
    )


def bring_deferred_triggers() -> None:
    """Inside a test's transaction PostgreSQL has not yet run what runs at commit."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def in_parallel(*works: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a connection of its own, started together; results or errors."""
    import threading

    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            gate.wait(20)
            results[place] = work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
