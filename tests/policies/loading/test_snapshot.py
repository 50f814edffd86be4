"""One statement reads what the ORM reads in many, and of one moment."""

from __future__ import annotations

from random import Random

import pytest
from django.db import connection, transaction

from policies.loading import facts
from tests.fixtures.database import without_triggers
from tests.policies.loading import plain_facts
from tests.policies.loading.random_world import World

pytestmark = pytest.mark.django_db
WORLDS = 8


@pytest.mark.usefixtures("production")
def test_the_facts_of_random_worlds_are_those_that_the_orm_reads() -> None:
    with without_triggers(connection):
        for seed in range(WORLDS):
            with transaction.atomic():
                asked = World(Random(seed)).questions()
                together = facts.load(asked).facts
                for question, found in zip(asked, together, strict=True):
                    assert found.user_id == question.user_id
                assert together == plain_facts.load(asked), seed
                for number in Random(seed).sample(range(len(asked)), 6):
                    alone = facts.load([asked[number]]).facts
                    assert alone == plain_facts.load([asked[number]]), (seed, asked[number])
                transaction.set_rollback(True)
