"""Says what a run did or would do: in lines for people, and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from policies.directory.gate import Refused
from policies.directory.steps import Step
from policies.directory.sync import Outcome

TWO: Final = (
    "In production two operators release what needs two, as one batch, at the desk under Directory"
    " releases; the next run makes it."
)


def lines(outcome: Outcome) -> Iterator[str]:
    """The diff, what waits, what was left alone, and the sum."""
    yield from (f"{step.sign} {step.words}" for step in outcome.made)
    if outcome.waiting:
        yield "waiting, not made:"
        yield from (f"  {step.words}: {step.widens}" for step in outcome.waiting)
        if any(step.two for step in outcome.waiting):
            yield TWO
    yield from (f"left alone: {said}" for said in outcome.left_alone)
    yield summary(outcome)


def summary(outcome: Outcome) -> str:
    """One line, such as `12 added, 3 taken away, 1 changed; 2 wait.`"""
    signs = Counter(step.sign for step in outcome.made)
    parts = [
        f"{signs[sign]} {word}"
        for sign, word in (("+", "added"), ("-", "taken away"), ("~", "changed"))
        if signs[sign]
    ]
    said = ", ".join(parts) or "Nothing changed"
    if outcome.waiting:
        said += f"; {len(outcome.waiting)} wait{'s' if len(outcome.waiting) == 1 else ''}"
    return f"{said}. This was a dry run: nothing was applied." if outcome.dry_run else f"{said}."


def refusal_lines(refused: Refused) -> Iterator[str]:
    """The steps on account of which nothing was done."""
    yield from (f"{step.sign} {step.words}" for step in refused.steps)


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "ok": True,
        "dryRun": outcome.dry_run,
        "summary": summary(outcome),
        "changes": _steps(outcome.made),
        "waiting": _steps(outcome.waiting),
        "leftAlone": list(outcome.left_alone),
    }


def refusal_json(refused: Refused) -> dict[str, Any]:
    message = str(refused)
    return {
        "ok": False,
        "code": refused.code,
        "message": message,
        "error": message,
        "changes": _steps(refused.steps),
    }


def _steps(steps: Sequence[Step] | Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {
            "section": step.section,
            "name": step.name,
            "sign": step.sign,
            "what": step.words,
            **({"widens": step.widens} if step.widens else {}),
        }
        for step in steps
    ]
