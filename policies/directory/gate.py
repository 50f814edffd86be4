"""Decides which steps of a plan a run makes: never more access unasked, never many rows gone.

Pure. What two people decide on in production is never made by the directory there: it waits for
them at the desk, and the rest is done. Anything else that widens access is refused without `widen`,
all of it; with `hold` it waits as well, so that what takes access away need not wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policies.directory.document import SECTIONS, Options
from policies.directory.steps import Plan, Step

MOST_GONE: Final = 20  # rows of a section that may lose access in a run without a word
MOST_SHARE: Final = 0.2  # and this part of the rows that the directory keeps there


class Refused(Exception):
    """Nothing is applied. `code` is for a program, `steps` are those that it is about."""

    def __init__(self, code: str, message: str, steps: Sequence[Step]) -> None:
        super().__init__(message)
        self.code = code
        self.steps = steps


@dataclass(frozen=True, slots=True)
class Chosen:
    """The steps to make, and those that wait: for two people, or because the run holds them."""

    made: Sequence[Step]
    waiting: Sequence[Step]


def choose(
    plan: Plan,
    options: Options,
    *,
    kept: Mapping[str, int],
    two_needed: bool,
    released: bool = False,
) -> Chosen:
    """What to make of a plan. `kept`: rows that the directory keeps, by section, before the run.
    `released`: two people have decided on all that two are needed for.

    Refused when it would widen access unasked, or take it from more rows than it may.
    """
    waiting = [step for step in plan.steps if step.two and two_needed and not released]
    widening = [step for step in plan.steps if step.widens and not (step.two and two_needed)]
    if options.hold:
        waiting += widening
    elif widening and not options.widen:
        raise Refused(
            "would_widen",
            f"This gives more access than before, by {_many(len(widening))}. Nothing was applied:"
            " say that it is meant (widen), or leave it out of this run (hold).",
            widening,
        )
    _require_few_gone(plan, options, kept)
    left_out = {id(step) for step in waiting}
    made = [step for step in plan.steps if id(step) not in left_out]
    return Chosen(made, [step for step in plan.steps if id(step) in left_out])


def _require_few_gone(plan: Plan, options: Options, kept: Mapping[str, int]) -> None:
    rows = {(step.section, step.name) for step in plan.steps if step.takes}
    gone = Counter(section for section, _ in rows)
    for section in SECTIONS:
        many = gone[section]
        few = many <= MOST_GONE or many <= MOST_SHARE * kept.get(section, 0)
        if not few and many > options.allow_removals:
            raise Refused(
                "too_many_removals",
                f"{section}: {_many(many)} would lose access, of {kept.get(section, 0)} that the"
                f" directory keeps. Nothing was applied: if that is meant, allow {many} removals.",
                [step for step in plan.steps if step.takes and step.section == section],
            )


def _many(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"
