"""Once: what one event costs a process that shows it, however many watch: read, redacted, encoded.

CPU time in this process, over entries as deployed runners and ours write them (bench_codec has the
parts of it, and what hostile writers may send). A round is the median of short ones.
"""

from __future__ import annotations

import statistics
import time
from typing import Final

from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.wire.keys import Target
from policies.redaction.redactor import Redactor
from tests.bench.bench_codec import ID, USUAL
from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.runs import Run

NAMES: Final = {
    "once-11": "deployed Rust runner, 11 fields",
    "once-4": "our runner, 4 fields",
    "once-nested": "our runner, nested fields",
    "once-secret": "our runner, a secret",
}
ENTRIES: Final = 500  # of a short round
SHORT_ROUNDS: Final = 40


def row(run: Run) -> Row:
    short = 3 if run.quick else SHORT_ROUNDS

    def case(key: str) -> Case:
        return Case(key, OURS, lambda: Sample({key: once(NAMES[key], short=short)}))

    return Row([case(key) for key in NAMES], rounds=5)


def once(name: str, *, short: int) -> float:
    """Median CPU microseconds of one such event."""
    prepare = RedactingDecoder(Redactor(key=b"k" * 32), Target("acme", "invoice-sync"))
    figures = []
    for at in range(short):  # new entries each time: what was just seen must not help
        first = at * ENTRIES
        entries = [(ID, USUAL[name](number)) for number in range(first, first + ENTRIES)]
        began = time.process_time()
        for entry in entries:
            prepare(entry)
        figures.append((time.process_time() - began) / ENTRIES * 1e6)
    return statistics.median(figures)
