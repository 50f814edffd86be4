"""Redaction as the prepare stage uses it: the rules of policies.redaction, per stream and day."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Redaction
from extdebug.wire.events import Output
from policies.redaction.redactor import BlockMasker, Redactor

FLOWS_KEPT: Final = 4096  # masked ids remembered; a flow has many lines and the same ids


class RuleRedaction:
    """The built-in rules on one process's events. Used by the prepare thread alone."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._blocks = BlockMasker()
        self._flows: OrderedDict[tuple[RequestFlow, str], tuple[RequestFlow, tuple[str, ...]]] = (
            OrderedDict()
        )

    def apply(
        self,
        flow: RequestFlow,
        output: Output,
        day: str,
        message: str,
        fields: dict[str, Any] | None,
    ) -> tuple[str, dict[str, Any] | None, tuple[str, ...]]:
        """Message and fields without secrets, and the names of the rules that masked some."""
        mask = self._redactor.mask(f"{flow.tenant}:{flow.extension}", day)
        # stdout and stderr interleave: a key printed to one is not ended by a line of the other.
        message, blocks = self._blocks.line((flow, output), message)
        if fields:  # one scan for both: most lines have nothing to mask
            texts = self._redactor.texts_of(fields)
            if texts is not None and self._redactor.are_clean([message, *texts]):
                return message, fields, blocks
        message, rules = self._redactor.text(message, mask)
        names = blocks + rules if blocks else rules
        if fields:
            fields, more = self._redactor.fields(fields, mask)
            if more:
                names = names + more
        return message, fields, names

    def ids(self, flow: RequestFlow, day: str) -> tuple[RequestFlow, tuple[str, ...]]:
        """The flow with secrets in its opaque ids masked, remembered for its next line."""
        key = (flow, day)
        known = self._flows.get(key)
        if known is None:
            known = self._masked(flow, day)
            self._flows[key] = known
            if len(self._flows) > FLOWS_KEPT:
                self._flows.popitem(last=False)
        return known

    def skip(self, flow: RequestFlow, output: Output, message: str) -> None:
        """A line that was dropped may still have begun or ended a private key."""
        self._blocks.line((flow, output), message)

    def _masked(self, flow: RequestFlow, day: str) -> tuple[RequestFlow, tuple[str, ...]]:
        mask = self._redactor.mask(f"{flow.tenant}:{flow.extension}", day)
        texts = (flow.request, flow.version, flow.content_hash)
        (request, version, content), names = self._redactor.parts(texts, mask)
        if not names:
            return flow, ()
        return replace(flow, request=request, version=version, content_hash=content), names


def load_redaction(key: bytes | None) -> Redaction:
    """The built-in rules; without a key masks carry no token."""
    return RuleRedaction(Redactor(key=key))
