"""Planted faults in traces: text gets out, a queue has no bound, figures do not add up."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

OTLP: Final = "audit/tracing/otlp.py"
SESSION: Final = "extdebug/sessions/session_spans.py"
FLOW: Final = "extdebug/sessions/flow_control.py"
OTLP_TESTS: Final = "tests/audit/tracing/test_otlp.py"
SESSION_TESTS: Final = "tests/extdebug/sessions/test_session_spans.py"

TRACES: Final = [
    Mutation(
        "traces: the message of a failure is in its span", OTLP,
        "            record_exception=False, set_status_on_exception=False,\n", "", OTLP_TESTS,
    ),
    Mutation(
        "traces: the caller's state is handed on", OTLP,
        '{"traceparent": text}', '{n.decode().lower(): v.decode() for n, v in headers}', OTLP_TESTS,
    ),
    Mutation(
        "traces: one of two callers' spans is believed", OTLP,
        "if len(said) == 1 else", "if said else", OTLP_TESTS,
    ),
    Mutation(
        "traces: a span that does not fit is kept", OTLP,
        "full = counts.waiting >= MOST_WAITING", "full = False", OTLP_TESTS,
    ),
    Mutation(
        "traces: a batch that was given up counts twice", OTLP,
        "if counts.closed:", "if False:", OTLP_TESTS,
    ),
    Mutation(
        "traces: the end waits for the receiver", OTLP,
        "ending.join(within)", "ending.join()", OTLP_TESTS,
    ),
    Mutation(
        "traces: a refused batch counts as sent", OTLP,
        "sent = result is SpanExportResult.SUCCESS", "sent = True", OTLP_TESTS,
    ),
    Mutation(
        "traces: a session that nobody records is followed", SESSION,
        "if place is not None:", "if True:", SESSION_TESTS,
    ),
    Mutation(
        "traces: what was sent is told again in the next sum", SESSION,
        "self.figures, self.since, self.waited = figures, time.time_ns(), 0.0",
        "self.since, self.waited = time.time_ns(), 0.0", SESSION_TESTS,
    ),
    Mutation(
        "traces: a session that ended is followed for ever", SESSION,
        "self._followed.pop(lease.holder, None)", "self._followed.get(lease.holder)", SESSION_TESTS,
    ),
    Mutation(
        "traces: a gap is in no sum", FLOW,
        "        self.told_gaps += 1\n", "", SESSION_TESTS,
    ),
]  # fmt: skip
