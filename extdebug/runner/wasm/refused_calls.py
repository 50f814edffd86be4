"""What a guest is answered that calls an import which this runner does not provide.

Its interface says: most functions give a `result` with an error that means "not for you" or "not
here", or a record with `success` and `error`. A guest that handles these goes on as it does on the
platform's own runner. A function that can give neither ends the guest, as no answer would be true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from wasmtime.component import (
    Bool,
    EnumType,
    FuncType,
    OptionType,
    RecordType,
    ResultType,
    String,
    VariantType,
)

from extdebug.runner.wasm import component_values as values

# Cases of error types, the most fitting first: there is no user here (user-error has both), the
# others are what the platform's runner answers an extension without the capability.
_CASES: Final = ("not-available", "not-allowed", "denied", "HTTP-request-denied")
# Not an error, and true: without access there are no secrets to name.
_NOTHING: Final = frozenset(("alga:extension/secrets.list-keys",))


@dataclass(frozen=True, slots=True)
class Answer:
    """A value for the guest and the spec it is lowered by. `words` name it in the flow's event."""

    spec: Any
    value: Any
    words: str


def answer_of(name: str, function: FuncType) -> Answer | None:
    """The refusal that the function's own type, as the component was built with it, can express.

    None when it has none; `name` is `interface.function`.
    """
    result = function.result
    if isinstance(result, ResultType):
        return _error(result, name)
    if isinstance(result, RecordType):
        return _unsuccessful(result, name)
    if name in _NOTHING:
        return Answer(values.list_of(values.String), [], "it was told that there are none")
    return None


def _error(result: ResultType, name: str) -> Answer | None:
    error = result.err
    if error is None:
        return Answer(values.error_of(None), None, "it was answered with an error")
    if isinstance(error, String):
        told = unprovided(name)
        return Answer(values.error_of(values.String), told, "it was answered with an error")
    if isinstance(error, EnumType):
        spec, cases = values.Enum, error.names
    elif isinstance(error, VariantType):
        spec, cases = values.Case, [case for case, payload in error.cases if payload is None]
    else:
        return None
    fit = next((case for case in _CASES if case in cases), None)
    if fit is None:
        return None
    return Answer(values.error_of(spec), fit, f"it was answered with the error {fit}")


def _unsuccessful(record: RecordType, name: str) -> Answer | None:
    """`success` false, `error` in words, and every other field without a value."""
    value: dict[str, Any] = {}
    specs: dict[str, Any] = {}
    for wit_name, kind in record.fields:
        field = wit_name.replace("-", "_")
        value[field], specs[field] = None, values.option(values.String)
        if wit_name == "success" and isinstance(kind, Bool):
            value[field], specs[field] = False, values.Bool
        elif not isinstance(kind, OptionType):
            return None
        elif wit_name == "error" and isinstance(kind.payload, String):
            value[field] = unprovided(name)
    if value.get("success") is not False or not value.get("error"):
        return None
    return Answer(values.record(**specs), value, "it was answered that this did not succeed")


def unprovided(name: str) -> str:
    return f"this runner does not provide {name}"
