"""One declared setting, and reading it from an environment: the same rules on console and runner.

- Unset and empty are the same: the default holds.
- `NAME_FILE` names a file with the value of NAME. Of its content one line end at the end is not
  part of the value. Setting both is refused, and so is a file without content: an empty secret
  would open what it should close.
- A value is one line without white space around it. It is taken as it stands; `$` is a character.
- What is wrong is said in one line: the name, what was expected, what arrived. The value of a
  secret is never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from extdebug.wire.environment.kinds import Kind

T = TypeVar("T")

MOST_BYTES: Final = 65_536  # of a file; what is larger is no setting
_MOST_SHOWN: Final = 60  # characters of a value in a message


# No slots: Python 3.11 cannot call Setting[T](...) of a frozen class with them.
@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T]):
    """A variable: its name, kind of value, default, meaning, and whether its value is a secret."""

    name: str
    kind: Kind[T]
    default: T
    meaning: str  # Markdown; links are relative to docs/
    secret: bool = False
    default_words: str = ""  # where the default follows from something else, or means something


class BadSetting(ValueError):
    """A setting cannot be used. The message is one line for a person, without secrets."""


@dataclass(slots=True)
class Environment:
    """Reads settings; what is wrong is kept in `problems`, so that all of it is said at once."""

    variables: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def read(self, setting: Setting[T]) -> T:
        """The value, or the default of what is unset. After a problem the default stands in."""
        return self.read_or(setting, default=setting.default)

    def read_or(self, setting: Setting[T], *, default: T) -> T:
        """`read` with a default that depends on other settings."""
        try:
            text = value_of(setting, self.variables)
            return default if text is None else _parsed(setting, text)
        except BadSetting as error:
            self.problems.append(str(error))
            return default


def value_of(setting: Setting[Any], variables: Mapping[str, str]) -> str | None:
    """The text of a setting from its variable or file, None when unset. BadSetting."""
    name, file = setting.name, f"{setting.name}_FILE"
    text = variables.get(name) or None
    if path := variables.get(file):
        if text is not None:
            raise BadSetting(f"{name}: expected one of {name} and {file}, got both")
        text = _content(file, path)
    if text is not None and (text != text.strip() or not text.isprintable()):
        raise _bad(setting, text, "one line without white space around it")
    return text


def _content(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not UTF-8 text"
        raise BadSetting(f"{name}: expected a file to read, got {path!r}: {reason}") from None
    if len(data) > MOST_BYTES:
        raise BadSetting(f"{name}: expected at most {MOST_BYTES} bytes, got more in {path!r}")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise BadSetting(f"{name}: expected a value in the file, got an empty one: {path!r}")
    return text


def _parsed(setting: Setting[T], text: str) -> T:
    try:
        return setting.kind.parse(text)
    except (ValueError, KeyError, OverflowError):
        raise _bad(setting, text, setting.kind.expected) from None


def _bad(setting: Setting[Any], text: str, expected: str) -> BadSetting:
    if setting.secret:
        got = f"{len(text)} characters (not shown)"
    else:
        got = repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…")
    return BadSetting(f"{setting.name}: expected {expected}, got {got}")
