"""What a redaction rule is, how an admin's rule is validated, and where a rule finds secrets.

Pure; RE2 only, so that no pattern and no text can make a scan slower than linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

MAX_PATTERN: Final = 500  # characters of an admin's pattern
MAX_RULES: Final = 400  # built-in and admin rules together; the scan's automaton grows with them
RULE_MEMORY: Final = 1 << 20  # bytes RE2 may use for one compiled admin pattern
_ANYWHERE: Final = re2._Anchor.UNANCHORED  # noqa: SLF001 see Rule._matched
NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
MAX_NAME: Final = 64
MAX_KEYWORDS: Final = 20

# Says whether the bytes from start to end of a line really are a secret of this rule.
Check = Callable[[bytes, int, int], bool]
# Reads on where the pattern leaves off: the secret's start and end, or None.
Reader = Callable[[bytes, Any], tuple[int, int] | None]


class RuleError(ValueError):
    """A rule that cannot be used; the message says why and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of secret. Masked is the one group if it matched, or the whole match.

    `token`: equal secrets may show an equal keyed token; never for values that could be guessed,
    printed and compared. `hint`: a pattern without long tails that matches wherever `pattern`
    does; the scan of all rules uses it, because the states of many long tails at once would fill
    any memory. `keywords`: the rule only looks at texts with one of them, in any case. `example`
    is a line that the rule must change. `check` refuses what the pattern alone cannot; `read`
    takes the place of the match where a value has quotes to be followed. `family` and `form` say
    in a person's words whose secret it is and what it looks like;
    `starts` are its issuer's prefixes.
    """

    name: str
    pattern: str
    example: str
    hint: str = ""
    token: bool = True
    keywords: tuple[str, ...] = ()
    check: Check | None = None
    read: Reader | None = None
    family: str = ""
    form: str = ""
    starts: tuple[str, ...] = ()

    @classmethod
    def from_row(
        cls,
        name: str,
        pattern: str,
        *,
        token: bool = False,
        keywords: Iterable[str] = (),
        example: str = "",
        counter_example: str = "",
    ) -> Rule:
        """An admin's rule, validated; RuleError with a sentence for the form otherwise.

        `example` must be masked and `counter_example` must not, where they are given.
        """
        if len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise RuleError(
                f"name: expected at most {MAX_NAME} characters of a-z 0-9 and single hyphens"
                f" that start with a letter, got {name[:80]!r}"
            )
        if not pattern or len(pattern) > MAX_PATTERN:
            raise RuleError(f"pattern: expected 1 to {MAX_PATTERN} characters, got {len(pattern)}")
        words = tuple(str(word).strip().lower() for word in keywords)
        if not all(words) or len(words) > MAX_KEYWORDS:
            raise RuleError(f"keywords: expected at most {MAX_KEYWORDS} words, none of them empty")
        compiled = compile_pattern(pattern, memory=RULE_MEMORY)
        if compiled.groups > 1:
            raise RuleError(
                "pattern: expected at most one capturing group (it marks the secret);"
                " write the others as (?:…)"
            )
        if compiled.search(b"") is not None:
            raise RuleError("pattern: it matches the empty text, so it would match everywhere")
        rule = cls(name=name, pattern=pattern, token=token, keywords=words, example=example)
        if example and not rule.finds(example):
            raise RuleError("example: the rule does not match it")
        if counter_example and rule.finds(counter_example):
            raise RuleError("counter-example: the rule matches it")
        return rule

    def finds(self, text: str) -> bool:
        """Whether the rule on its own would mask something in the text."""
        raw = text.encode("utf-8", "surrogatepass")
        return any(True for _ in self.places(compile_pattern(self.pattern), raw))

    def places(self, compiled: Any, raw: bytes) -> Iterator[tuple[int, int]]:
        """Where the rule's secrets are, in order and without overlaps."""
        if self.keywords and not self._wanted(raw):
            return iter(())
        if self.read is None:
            return self._matched(compiled, raw)
        return self._read_behind(self.read, compiled, raw)

    def _read_behind(self, read: Reader, compiled: Any, raw: bytes) -> Iterator[tuple[int, int]]:
        """Secrets that are read on where each match leaves off."""
        check, done = self.check, 0
        for match in compiled.finditer(raw):
            if done and match.start() < done:  # a name inside a value that is masked already
                continue
            found = read(raw, match)
            if found is None:
                continue
            start, end = found
            if start < end and start >= done and (check is None or check(raw, start, end)):
                done = end
                yield start, end

    def _matched(self, compiled: Any, raw: bytes) -> Iterator[tuple[int, int]]:
        """Without a reader the match itself is the secret. RE2 is asked as its wrapper's `finditer`
        asks it; the wrapper's own objects would cost as much again, 0.8 us a match."""
        find, group, starts = compiled._regexp.Match, _group(compiled), self.starts  # noqa: SLF001 pinned
        check, at, done, most = self.check, 0, 0, len(raw)
        while True:
            spans = find(_ANYWHERE, raw, at, most)
            whole, behind = spans[0]
            if whole < 0:
                return
            start, end = spans[group]
            if start < 0:
                start, end = whole, behind
            if done <= start < end and (check is None or check(raw, start, end)):
                done = end
                yield start, end
                # Without a prefix behind it there is no other: to ask RE2 costs three times that.
                if starts and _prefix(starts).search(raw, done) is None:
                    return
            if at == most:
                return
            at = at + 1 if at == behind else behind

    def _wanted(self, raw: bytes) -> bool:
        text = raw.decode("utf-8", "replace").lower()
        return any(word in text for word in self.keywords)


@lru_cache(maxsize=1024)
def _group(compiled: Any) -> int:
    """The group that is the secret, 0 for the whole match; to ask RE2 each time costs as much as
    the rest of the loop."""
    return int(compiled.groups)


@lru_cache(maxsize=1024)
def _prefix(starts: tuple[str, ...]) -> re.Pattern[bytes]:
    return re.compile("|".join(map(re.escape, starts)).encode())


def options(*, memory: int) -> Any:
    """RE2 options for bytes of UTF-8, quiet about errors, bounded in memory."""
    chosen = re2.Options()
    chosen.max_mem = memory
    chosen.log_errors = False
    return chosen


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, *, memory: int = 8 << 20) -> Any:
    """A compiled RE2 pattern over bytes; RuleError when RE2 refuses it."""
    try:
        return re2.compile(pattern.encode(), options(memory=memory))
    except (re2.error, UnicodeEncodeError) as error:
        detail = error.args[0] if error.args else ""
        text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        raise RuleError(f"pattern: RE2 refuses it: {text or 'too large'}") from error
