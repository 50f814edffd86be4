"""Planted faults in the shorter ways of an event: each must say what the plain way says."""

from __future__ import annotations

from typing import Final

from tests.mutations.loss_core import NUMBERS, WATCHED, WATCHED_TESTS
from tests.mutations.runner import Mutation

READER: Final = "extdebug/wire/entry_reader.py"
READER_TESTS: Final = "tests/extdebug/wire/test_entry_reader.py"
FIELDS: Final = "extdebug/wire/entry_fields.py"
FIELDS_TESTS: Final = "tests/extdebug/wire/test_entry_fields.py"
RULES: Final = "policies/redaction/rules.py"
RULES_TESTS: Final = "tests/policies/redaction/test_rules.py"
PLAIN: Final = "extdebug/streams/plain_numbers.py"
PLAIN_TESTS: Final = "tests/extdebug/streams/test_plain_numbers.py"
SELECTION: Final = "extdebug/hub/selection.py"
SELECTION_TESTS: Final = "tests/extdebug/hub/test_selection.py"
DECODER: Final = "extdebug/hub/redacting_decoder.py"
RUNNER: Final = "extdebug/runner/publish/redaction.py"
RUNNER_TESTS: Final = "tests/extdebug/runner/publish/test_redaction.py"
DECODER_TESTS: Final = "tests/extdebug/hub/test_redacting_decoder.py"
REDACTOR: Final = "policies/redaction/redactor.py"
SEARCHES: Final = "extdebug/filters/searches.py"
SEARCHES_TESTS: Final = "tests/extdebug/filters/test_searches.py"

SHORTCUTS: Final = [
    Mutation(
        "a remembered entry lends its install to others", READER,
        "places.items() if name not in _VARYING]",
        'places.items() if name not in (*_VARYING, b"install")]', READER_TESTS,
    ),
    Mutation(
        "a remembered entry is not asked whose stream it names", READER,
        "places.items() if name not in _VARYING]",
        'places.items() if name not in (*_VARYING, b"tenant")]', READER_TESTS,
    ),
    Mutation(
        "what is kept of an entry has a copy of each name", READER,
        "tuple([_USUAL[name] for name in names])", "tuple(names)", READER_TESTS,
    ),
    Mutation(
        "the entry before lends its values to the next", READER,
        "            if given != values:", "            if not values:", READER_TESTS,
    ),
    Mutation(
        "the entry before lends its time to the next", READER,
        "if raw[at_ts] != stamp:", "if time is None:", READER_TESTS,
    ),
    Mutation(
        "the entry before lends its request to the next", READER,
        "and raw[at_request] != asked:", "and not asked:", READER_TESTS,
    ),
    Mutation(
        "an entry with more names than the last is read as if it had those", READER,
        "            if len(raw) != length:", "            if len(raw) < length:", READER_TESTS,
    ),
    Mutation(
        "an entry with other names is read as if it had the last one's", READER,
        "itemgetter(*range(0, 2 * len(names), 2), *others)", "itemgetter(*others)", READER_TESTS,
    ),
    Mutation(
        "entries with two layouts in turn are read whole each time", READER,
        "            if self._recall(raw):\n                continue\n", "", READER_TESTS,
    ),
    Mutation(
        "what is masked of a request is shown where rows are scanned together", DECODER,
        "            if known is not None and known[1]:\n                continue\n", "",
        DECODER_TESTS,
    ),
    Mutation(
        "a request that was not scanned counts as the last that was", DECODER,
        "            known = None if opaque == last else remembered.get(opaque)\n",
        "            known = None if opaque == last else remembered.get(opaque)\n"
        "            last = opaque if fields else last\n", DECODER_TESTS,
    ),
    Mutation(
        "one scan leaves out requests that are new", DECODER,
        "                    texts += filter(None, opaque)\n", "", DECODER_TESTS,
    ),
    Mutation(
        "one of several has the end of a line in it", "extdebug/wire/events.py",
        "if all(map(bytes.isascii, data)) else", "if any(map(bytes.isascii, data)) else",
        "tests/extdebug/wire/test_events.py",
    ),
    Mutation(
        "fields that outgrow their limit are read as they stand", FIELDS,
        "if length > _SHORT and (", "if length > MAX_FIELDS_BYTES and (", FIELDS_TESTS,
    ),
    Mutation(
        "a number that no browser reads right is read as it stands", FIELDS,
        "ge=-SAFE_INTEGER, le=SAFE_INTEGER", "ge=-SAFE_INTEGER, le=2 * SAFE_INTEGER", FIELDS_TESTS,
    ),
    Mutation(
        "fields deeper than they are shown are read as they stand", FIELDS,
        "for _ in range(MAX_FIELDS_DEPTH - 1):", "for _ in range(MAX_FIELDS_DEPTH):", FIELDS_TESTS,
    ),
    Mutation(
        "of an issuer's secrets only the first is masked at once", RULES,
        "if starts and _prefix(starts).search(raw, done) is None:", "if starts:",
        RULES_TESTS,
    ),
    Mutation(
        "a secret that is the whole match and no group of it is shown", RULES,
        "            if start < 0:", "            if False:",
        RULES_TESTS,
    ),
    Mutation(
        "a check is not asked where a match is the secret", RULES,
        "            if done <= start < end and (check is None or check(raw, start, end)):",
        "            if done <= start < end:", RULES_TESTS,
    ),
    Mutation(
        "one issuer's rule looks for another's secret", "policies/redaction/scan.py",
        "return self._issuer[which[0]]", "return self._issuer[0]",
        "tests/policies/redaction/test_scan.py",
    ),
    Mutation(
        "a hole within a run of plain entries is not seen", PLAIN,
        "origin.n != producer.last + 1:", "origin.n is None:",
        PLAIN_TESTS,
    ),
    Mutation(
        "a run does not end at a producer of whom something is outstanding", PLAIN,
        "if not producer.settled:", "if False:", PLAIN_TESTS,
    ),
    Mutation(
        "who speaks in a run counts as silent", PLAIN,
        "known.move_to_end(src)", "pass", PLAIN_TESTS,
    ),
    Mutation(
        "a marker within a run is passed over", PLAIN,
        "        if origin.lost:", "        if False:", PLAIN_TESTS,
    ),
    Mutation(
        "a run hides what was told ahead of its places", NUMBERS,
        "return 0 if ahead or self._untold else", "return 0 if self._untold else", PLAIN_TESTS,
    ),
    Mutation(
        "a run hides what markers stated and nobody was told", NUMBERS,
        "return 0 if ahead or self._untold else", "return 0 if ahead else", PLAIN_TESTS,
    ),
    Mutation(
        "a run makes a frame longer than it may be", SELECTION,
        "some = entries[: FRAME_EVENTS - begun]", "some = entries",
        SELECTION_TESTS,
    ),
    Mutation(
        "entries of which all but one have a line are a run", SELECTION,
        "if all(sizes) and size", "if any(sizes) and size", SELECTION_TESTS,
    ),
    Mutation(
        "a run grows past a frame's bytes", SELECTION,
        "sum(sizes) <= FRAME_BYTES:", "sum(sizes) <= 2 * FRAME_BYTES:", SELECTION_TESTS,
    ),
    Mutation(
        "a run takes an entry that nobody may see", SELECTION,
        "if decoded.event is None or size", "if size", SELECTION_TESTS,
    ),
    Mutation(
        "a run stands one entry too far on", WATCHED,
        "None if place.index is None else place.index + count",
        "None if place.index is None else place.index + count + 1", WATCHED_TESTS,
    ),
    Mutation(
        "a scope is not asked where most lines are in it", SELECTION,
        'installs.issuperset(batch.column("install"))',
        'not installs.isdisjoint(batch.column("install"))', SELECTION_TESTS,
    ),
    Mutation(
        "a mask of yesterday is used today", DECODER,
        "if self._mask is None or id.ms not in self._day:",
        "if self._mask is None:", DECODER_TESTS,
    ),
    Mutation(
        "one scan leaves out the fields", DECODER,
        "            texts += more", "            pass", DECODER_TESTS,
    ),
    Mutation(
        "one scan leaves out the request", DECODER,
        "            texts += filter(None, opaque)", "            pass", DECODER_TESTS,
    ),
    Mutation(
        "a secret among many clean lines is not looked for", DECODER,
        "if not self.redactor.are_clean(texts):", "if not self.redactor.are_clean(texts[:9]):",
        DECODER_TESTS,
    ),
    Mutation(
        "texts are scanned together under rules that look at their edges", REDACTOR,
        "return self._joinable and self._is_clean(texts)", "return self._is_clean(texts)",
        DECODER_TESTS,
    ),
    Mutation(
        "a runner scans fields without their message", RUNNER,
        "self._redactor.are_clean([message, *texts])", "self._redactor.are_clean(texts)",
        RUNNER_TESTS,
    ),
    Mutation(
        "names remembered as harmless hide the one beside them", "policies/redaction/fields.py",
        "        if type(key) is not str or names[key]:\n            return True\n    if",
        "        if type(key) is not str or names[key]:\n            break\n    if",
        RUNNER_TESTS,
    ),
    Mutation(
        "an automaton of texts that gave up is believed", SEARCHES,
        "if not hits or 0 not in hits:", "if hits is not None and 0 not in hits:", SEARCHES_TESTS,
    ),
    Mutation(
        "the text before the one that was found counts as found", SEARCHES,
        "self._known[hit - 1]", "self._known[hit - 2]", SEARCHES_TESTS,
    ),
    Mutation(
        "a text is looked for as a pattern", SEARCHES,
        "re2.escape(text)", "text", SEARCHES_TESTS,
    ),
    Mutation(
        "a text that is not known counts as absent", "extdebug/filters/batch.py",
        "return text not in joined if has is None else not has", "return not has", SEARCHES_TESTS,
    ),
    Mutation(
        "texts as written and folded ones are looked for in the same", "extdebug/filters/batch.py",
        'self._once(("found", whole, folded),', 'self._once(("found", whole),', SEARCHES_TESTS,
    ),
    Mutation(
        "an automaton grows without end", SEARCHES,
        "if taken > MOST_BYTES or", "if", SEARCHES_TESTS,
    ),
    Mutation(
        "what does not fit is tried again with each batch", SEARCHES,
        "if not known and text not in self._left_out:", "if not known:", SEARCHES_TESTS,
    ),
    Mutation(
        "texts that nobody looks for are kept", SEARCHES,
        "            self._make(self._asked)\n", "            self._make(self._known)\n",
        SEARCHES_TESTS,
    ),
    Mutation(
        "a stream's filters are searched for one by one", "extdebug/hub/fan_out.py",
        "Batch(events, groups.searches)", "Batch(events)", "tests/extdebug/hub/test_fan_out.py",
    ),
]  # fmt: skip
