"""Decides openings of sessions, where caps and rates count too: one or many in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from policies import limits
from policies.decisions.decide import Decision, decide
from policies.decisions.facts import OpeningFact, OpenSessions
from policies.loading import facts as loading
from policies.loading.facts import Question


class Openings:
    """Openings that are asked for together, decided one after another.

    Make it in the transaction that inserts the sessions' rows. It takes a lock on every person,
    tenant and extension that lasts until that transaction ends, so that parallel openings cannot
    exceed a cap. Commit that transaction when an answer is no as well: the attempt counts towards
    the rate once `write` was called.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        parties = {
            party
            for q in questions
            for party in (f"user:{q.user_id}", f"tenant:{q.tenant}", f"extension:{q.extension}")
        }
        limits.hold(*parties)
        loaded = loading.load(
            questions
        )  # a statement after the locks: it sees what they waited for
        self._facts, self._reading = loaded.facts, loaded.reading
        people = {facts.user_id for facts in self._facts if facts.active}
        self._rates = limits.Rates(people, now=self._reading.now)
        self._counted: set[int] = set()

    def decide(self, position: int, sessions: OpenSessions) -> Decision:
        """The answer to the question at this position, with so many sessions open by now.

        Asked again, the attempt is not counted again.
        """
        facts = self._facts[position]
        before, retry_after = 0, 0
        if facts.active and position not in self._counted:
            self._counted.add(position)
            limit = facts.limits.openings_per_minute
            before, retry_after = self._rates.count(facts.user_id, limit=limit)
        opening = OpeningFact(sessions=sessions, last_minute=before, retry_after=retry_after)
        reading = self._reading
        return decide(replace(facts, opening=opening), now=reading.now, version=reading.version)

    def write(self) -> None:
        """Write down the attempts that count towards the rate."""
        self._rates.write()
