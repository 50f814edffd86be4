"""Redaction: what a line of 200 bytes costs, clean and with a secret, and what is masked of both.

CPU time in this process, over the built-in rules. The lines are those of bench_redaction: families
of secrets that are masked with a usual name beside them and bare, and lines without a secret that
are masked all the same.
"""

from __future__ import annotations

from typing import Final

from policies.redaction.redactor import Mask, Redactor
from tests.bench.bench_redaction import (
    LINE,
    SECRETS,
    cost,
    masked_ordinary_lines,
    recall,
    with_secret,
)
from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.runs import Run

LONG: Final = 12_800  # bytes of a long line: what one of them costs must not grow


def row(run: Run) -> Row:
    redactor = Redactor(key=b"a key of the bench")
    mask = redactor.mask("acme:invoice-sync", "2026-01-31")
    lines, short = (1_000, 20) if run.quick else (32_000, 200)
    return Row([
        Case("redaction", OURS, lambda: Sample(costs(redactor, mask, short=short))),
        Case("redaction-quality", OURS, lambda: Sample(quality(redactor, mask, lines=lines))),
    ])  # fmt: skip


def costs(redactor: Redactor, mask: Mask, *, short: int) -> dict[str, float]:
    """CPU us of a clean line and of the worst secret; what a byte of a long line costs beside."""
    clean = LINE[:200]
    long = (LINE + " ") * (LONG // len(LINE) + 1)
    of_clean = cost(lambda: redactor.text(clean, mask), short)
    of_secrets = [
        cost(lambda line=line: redactor.text(line, mask), short)  # type: ignore[misc]
        for line in map(with_secret, SECRETS.values())
    ]
    of_long = cost(lambda: redactor.text(long[:LONG], mask), max(3, short // 10))
    return {
        "redaction-clean": of_clean,
        "redaction-secret": max(of_secrets),
        "redaction-longer": (of_long / LONG) / (of_clean / len(clean)),
    }


def quality(redactor: Redactor, mask: Mask, *, lines: int) -> dict[str, float]:
    """Percent: families masked with context and bare, and ordinary lines masked."""
    families, shown, shown_bare = recall(redactor, mask, count=5)
    wrong = len(masked_ordinary_lines(redactor, mask, count=lines))
    return {
        "redaction-named": 100 * (1 - len(shown) / families),
        "redaction-bare": 100 * (1 - len(shown_bare) / families),
        "redaction-ordinary": 100 * wrong / lines,
    }
