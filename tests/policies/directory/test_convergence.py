"""Whatever came before, a document comes to the same; in production a run never widens alone.

Random documents over a small world, so that rows come, go and come back, each on the same database
within a savepoint.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model

from extdebug.demo.sample import Cast
from policies.changes.row_state import RowState, state_of
from policies.changes.widening import widening
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Install,
    Lock,
    Membership,
    Tenant,
)
from tests.fixtures.trail import noted
from tests.policies.directory.documents import access, said, synced

pytestmark = pytest.mark.django_db
ROUNDS = 5
KINDS: list[type[Model]] = [
    Tenant, Extension, Install, User, Membership, ExtensionDeveloper, Capability, Lock,
]  # fmt: skip


def random_document(luck: random.Random) -> dict[str, Any]:
    """Every section, with references that hold."""

    def some(items: list[Any], most: int = 4) -> list[Any]:
        return luck.sample(items, luck.randint(0, min(most, len(items))))

    def maybe(**column: Any) -> dict[str, Any]:
        return column if luck.random() < 0.3 else {}

    tenants, extensions = some(["t1", "t2", "t3"]), some(["e1", "e2"])
    # An install keeps what it belongs to, in every document.
    places = {"i1": ("t1", "e1"), "i2": ("t2", "e1"), "i3": ("t3", "e2"), "i4": ("t1", "e2")}
    installs = [
        key for key in some(list(places), 4)
        if places[key][0] in tenants and places[key][1] in extensions
    ]  # fmt: skip
    asleep = [key for key in installs if luck.random() < 0.2]
    people = some(["p1", "p2", "p3"])
    roles: list[dict[str, Any]] = [
        {"person": person, "role": "admin", "tenant": tenant}
        for person in people for tenant in some(tenants, 2)
    ]  # fmt: skip
    for person in people:
        for extension in some(extensions, 2):
            own = [key for key in installs if places[key][1] == extension]
            scope = luck.choice(
                ["all", *([luck.sample(own, luck.randint(1, len(own)))] * 2 if own else [])]
            )
            roles.append(
                {"person": person, "role": "developer", "extension": extension, "installs": scope}
            )
    return {
        "tenants": [
            {"key": key, **maybe(active=False), **maybe(name=luck.choice("xyz"))} for key in tenants
        ],
        "extensions": [{"key": key, **maybe(active=False)} for key in extensions],
        "installs": [
            {"key": key, "tenant": places[key][0], "extension": places[key][1],
             "active": key not in asleep}
            for key in installs
        ],
        "people": [
            {"username": name, **maybe(active=False), **maybe(email=f"{luck.choice('xyz')}@x.test")}
            for name in people
        ],
        "roles": roles,
        "capabilities": [
            *({"extension": key} for key in some(extensions)),
            *(
                {"extension": places[key][1], "install": key}
                for key in some(installs) if key not in asleep
            ),
        ],
    }  # fmt: skip


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def states() -> dict[tuple[type[Model], Any], RowState | None]:
    return {(kind, row.pk): state_of(row) for kind in KINDS for row in kind._base_manager.all()}


def test_a_document_comes_to_the_same_whatever_came_before(cast: Cast) -> None:
    luck = random.Random(1)
    desk = access()
    for _ in range(ROUNDS):
        first, before, last = (random_document(luck) for _ in range(3))
        with taken_back():
            synced(**first)
            with taken_back():
                synced(**last)
                alone = access()
                assert said(synced(**last)) == [], last
            synced(**before)
            assert noted(partial(synced, **last)) == [], "told by no record of its own"
            assert access() == alone, (first, before, last)
            assert {key: alone[key] & desk[key] for key in desk} == desk, "the desk's own rows"


@pytest.mark.usefixtures("production")
def test_in_production_no_run_makes_what_two_people_decide_on(cast: Cast, settings: Any) -> None:
    """By the desk's own rule, asked of each row as it was and as it has become."""
    luck = random.Random(2)
    for _ in range(ROUNDS):
        with taken_back():
            settings.EXT_DEBUG_ENVIRONMENT = "staging"
            synced(**random_document(luck))
            before = states()
            settings.EXT_DEBUG_ENVIRONMENT = "production"
            synced(**random_document(luck))
            after = states()
            for kind, pk in before.keys() | after.keys():
                was, now = before.get((kind, pk)), after.get((kind, pk))
                if was != now:
                    assert widening(kind, pk, was, now, by=cast.olivia) is None, (was, now)
