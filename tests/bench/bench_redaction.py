"""What redaction finds, what it leaves alone, and what it costs.

    python -m tests.bench.bench_redaction [--rounds 300] [--lines 32000]

Recall is measured over made-up secrets of public families (tests.bench.secret_samples): a family
counts if all its lines are masked, with a usual name beside the secret and bare. Precision is
measured over made-up lines without a secret (tests.bench.ordinary_lines). Times are CPU time, the
median of many short rounds; trust the ratios. Exit code 1 when a figure
is not reached or when the cost per byte grows with length.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from typing import Final

from policies.redaction.redactor import BUILTIN_RULES, BlockMasker, Mask, Redactor
from policies.redaction.rules import compile_pattern
from tests.bench.ordinary_lines import ordinary_lines
from tests.bench.secret_samples import bare, forms, in_context, is_hidden, samples

CLEAN_US: Final = 1.8
SECRET_US: Final = 12.0
LONGER: Final = 2.0  # how much more a byte may cost in a text 64 times as long
FAMILIES_IN_CONTEXT: Final = 0.95
FAMILIES_BARE: Final = 0.60
ORDINARY_MASKED: Final = 0.001
SEED: Final = 10

LINE: Final = (
    "2026-01-31T09:30:00Z INFO handled request path=/v1/orders/8731 status=200 rows=17 cache=miss "
    "upstream=pg-main took=18.4ms retry=0 user=42 region=eu-west-1 worker=web-3 "
    "trace=4bf92f3577b34da6a3ce929d0e0e"
)
SECRETS: Final = {
    "github token": "using ghp_" + "0123456789abcdefghijABCDEFGHIJ012345 to clone it",
    "bearer header": "authorization: Bearer abcdefghijklmnop0123456789 and more",
    "json password": '{"user":"ann","password":"hunter2hunter2"} was posted',
    "two e-mails": "mail ann.lee@example.com and bob@example.org now",
    "url password": "postgres://app:s3cret-s3cret@db.internal:5432/app opened",
    "card number": "paid with 4111 1111 1111 1111 at the till, thank you",
}
FIELDS: Final = {"ms": 12, "path": "/v1/x", "user": {"id": 42, "plan": "pro"}, "tags": ["a", "b"]}


def recall(redactor: Redactor, mask: Mask, *, count: int) -> tuple[int, list[str], list[str]]:
    """Families tried, and those of which a line was shown: with context, and bare."""
    shown_in_context: list[str] = []
    shown_bare: list[str] = []
    for family, form in forms().items():
        drawn = list(samples(family, form, count=count, seed=SEED))
        for lines, shown in ((in_context, shown_in_context), (bare, shown_bare)):
            if not all(
                is_hidden(sample, redactor.text(line, mask)[0])
                for sample in drawn
                for line in lines(sample)
            ):
                shown.append(family)
    return len(forms()), shown_in_context, shown_bare


def masked_ordinary_lines(redactor: Redactor, mask: Mask, *, count: int) -> list[str]:
    """The lines without a secret that are masked all the same."""
    return [line for line in ordinary_lines(count, seed=SEED) if redactor.text(line, mask)[1]]


def with_secret(secret: str) -> str:
    """A line of 200 bytes that ends with it."""
    return (LINE[: 199 - len(secret)] + " " + secret)[:200]


def cost(call: Callable[[], object], rounds: int) -> float:
    """CPU microseconds of one call: the median of many rounds of 40."""
    times = timeit.repeat(call, timer=time.process_time, number=40, repeat=rounds)
    return statistics.median(times) / 40 * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--lines", type=int, default=32_000)
    chosen = parser.parse_args()
    redactor = Redactor(key=b"a key of the bench")
    mask = redactor.mask("acme:invoice-sync", "2026-01-31")
    good = _show_quality(redactor, mask, chosen.lines)
    return 0 if _show_cost(redactor, mask, chosen.rounds) and good else 1


def _show_quality(redactor: Redactor, mask: Mask, lines: int) -> bool:
    families, in_names, alone = recall(redactor, mask, count=5)
    with_context, without = 1 - len(in_names) / families, 1 - len(alone) / families
    wrong = len(masked_ordinary_lines(redactor, mask, count=lines)) / lines
    print(
        f"families masked with context {with_context:8.1%}  (to reach: {FAMILIES_IN_CONTEXT:.0%})"
    )
    print(f"families masked bare         {without:8.1%}  (to reach: {FAMILIES_BARE:.0%})")
    print(f"ordinary lines masked        {wrong:8.3%}  (at most: {ORDINARY_MASKED:.1%})")
    print(f"shown with context: {', '.join(in_names) or 'none'}")
    return (
        with_context >= FAMILIES_IN_CONTEXT
        and without >= FAMILIES_BARE
        and wrong <= ORDINARY_MASKED
    )


def _show_cost(redactor: Redactor, mask: Mask, rounds: int) -> bool:
    blocks = BlockMasker()
    clean = LINE[:200]
    raw = clean.encode()

    def show(name: str, us: float, against: float, limit: float | None = None) -> bool:
        over = limit is not None and us > limit
        said = "" if limit is None else f"  (to reach: {limit:g} us{', MISSED' if over else ''})"
        print(f"{name:34} {us:9.2f} us {us / against:7.2f} x clean{said}")
        return not over

    base = cost(lambda: redactor.text(clean, mask), rounds)
    print(f"{len(BUILTIN_RULES)} rules, {len(raw)} bytes")
    good = show("clean line", base, base, CLEAN_US)
    for name, secret in SECRETS.items():
        line = with_secret(secret)
        assert redactor.text(line, mask)[1], name
        us = cost(lambda line=line: redactor.text(line, mask), rounds)  # type: ignore[misc]
        good &= show(name, us, base, SECRET_US)
    coloured = f"\x1b[32mINFO\x1b[0m {clean[:180]}"
    show("clean line with colours", cost(lambda: redactor.text(coloured, mask), rounds), base)
    parts = (clean, "req-0a1b2c3d", "1.4.2", "sha256:0123456789abcdef")
    show("line with three ids, one scan", cost(lambda: redactor.parts(parts, mask), rounds), base)
    show("small fields", cost(lambda: redactor.fields(dict(FIELDS), mask), rounds), base)
    show("block masker, no key near", cost(lambda: blocks.line("flow", clean), rounds), base)
    for length in (2_000, 12_800):
        long = ((LINE + " ") * (length // len(LINE) + 1))[:length]
        us = cost(lambda long=long: redactor.text(long, mask), rounds // 10)  # type: ignore[misc]
        per_byte = us / length / (base / len(raw))
        print(f"{f'clean, {length} bytes':34} {us:9.2f} us {per_byte:7.2f} x per byte")
        good &= per_byte <= LONGER
    # Lines never seen before make the automaton build states; it has to come to rest.
    for seed in range(4):
        fresh = list(ordinary_lines(4000, seed=seed))
        us = timeit.timeit(  # CPU seconds
            lambda fresh=fresh: [redactor.text(t, mask) for t in fresh],  # type: ignore[misc]
            timer=time.process_time, number=1,
        )  # fmt: skip
        show(f"ordinary lines, fresh, round {seed + 1}", us / len(fresh) * 1e6, base)
    # The alternatives, for what the one automaton is worth.
    ours = [compile_pattern(rule.pattern) for rule in BUILTIN_RULES]
    pythons = [re.compile(rule.pattern.encode()) for rule in BUILTIN_RULES]
    show("RE2, one rule after the other", cost(lambda: [p.search(raw) for p in ours], rounds), base)
    show(
        "Python's re, one after the other",
        cost(lambda: [p.search(raw) for p in pythons], max(5, rounds // 20)),
        base,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
