"""Reads a directory document, JSON or CSV, into checked rows; says which row and field is wrong.

Pure. A section that is there is the whole truth of that section; one that is absent is left alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from policies.models.directory import RESERVED_TENANTS

ALL: Final = "all"  # of a developer: every install of the extension
_GIVEN_AT_THE_DESK: Final = frozenset(
    {"staff", "is_staff", "superuser", "is_superuser", "operator", "groups", "permissions"}
)

_Key = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")]
_Name = Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f]{1,200}\Z")]
_Part = Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f]{0,150}\Z")]
_Email = Annotated[str, Meta(pattern=r"\A(?:[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+)?\Z", max_length=254)]
_Person = Annotated[str, Meta(pattern=r"\A[\w.@+-]{1,150}\Z")]
_KEY: Final = "1 to 64 characters of a-z 0-9 . _ - that start with a letter or digit"
_FLAG: Final = "true or false"
_EXPECTED: Final = {
    "key": _KEY,
    "tenant": _KEY,
    "extension": _KEY,
    "install": _KEY,
    "installs": f'"{ALL}" or at least one install key',
    "name": "1 to 200 characters without control characters",
    "first_name": "at most 150 characters without control characters",
    "last_name": "at most 150 characters without control characters",
    "email": "an e-mail address of at most 254 characters, or nothing",
    "username": "1 to 150 letters, digits and . @ + - _",
    "person": "1 to 150 letters, digits and . @ + - _",
    "role": "admin or developer",
    "active": _FLAG,
    "consent_required": _FLAG,
}


class BadDocument(ValueError):
    """The document cannot be used; the message names section, row and field. Nothing is applied."""


class TenantRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: _Key
    name: _Name | None = None
    active: bool = True
    consent_required: bool | None = None


class ExtensionRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: _Key
    name: _Name | None = None
    active: bool = True


class InstallRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: _Key
    tenant: _Key
    extension: _Key
    name: _Name | None = None
    active: bool = True


class PersonRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    username: _Person
    email: _Email | None = None
    first_name: _Part | None = None
    last_name: _Part | None = None
    active: bool = True


class RoleRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Admin of a tenant, or developer of an extension at all or the named installs."""

    person: _Person
    role: Literal["admin", "developer"]
    tenant: _Key | None = None
    extension: _Key | None = None
    installs: Literal["all"] | Annotated[tuple[_Key, ...], Meta(min_length=1)] | None = None


class CapabilityRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without install: declared by the extension."""

    extension: _Key
    install: _Key | None = None
    name: Literal["cap:debug.logs"] = "cap:debug.logs"


Row = TenantRow | ExtensionRow | InstallRow | PersonRow | RoleRow | CapabilityRow
ROWS: Final[dict[str, type[Row]]] = {
    "tenants": TenantRow,
    "extensions": ExtensionRow,
    "installs": InstallRow,
    "people": PersonRow,
    "roles": RoleRow,
    "capabilities": CapabilityRow,
}
SECTIONS: Final = tuple(ROWS)  # in the order in which rows refer to each other


@dataclass(frozen=True, slots=True)
class Options:
    """What the run may do besides: see `policies.directory.gate`."""

    widen: bool = False
    hold: bool = False
    allow_removals: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """The sections that are there, each row by its name; row numbers count from 1 in file order."""

    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def fault(
        self, section: str, name: str, column: str, expected: str, got: object
    ) -> BadDocument:
        """The error for a row that is read well and still cannot be used."""
        number = list(self.sections[section]).index(name) + 1
        return _fault(section, number, column, expected, got)


def read_json(body: bytes, *, options: bool = False) -> tuple[Document, Options]:
    """A document, and with `options` what the run may do, which stands beside the sections."""
    try:
        said = json.loads(body, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"expected a JSON object: {error}") from None
    if not isinstance(said, dict):
        raise BadDocument(f"expected a JSON object with sections, got {_kind(said)}")
    names = Options.__slots__ if options else ()
    for name in said:
        if name not in ROWS and name not in names:
            known = ", ".join((*SECTIONS, *names))
            raise BadDocument(f"{name[:40]!r}: no such section; expected some of {known}")
    try:
        chosen = msgspec.convert({name: said[name] for name in names if name in said}, Options)
    except msgspec.ValidationError as error:
        raise BadDocument(f"{error}".replace("`", "")) from None
    return _document({name: said[name] for name in SECTIONS if name in said}), chosen


def read_csv(text: str, section: str) -> Document:
    """A document of one section, from CSV with a line of column names; empty cells say nothing."""
    try:
        lines = list(csv.DictReader(io.StringIO(text), strict=True, restkey="", restval=""))
    except csv.Error as error:
        raise BadDocument(f"{section}: expected CSV: {error}") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if "" in line:
            raise BadDocument(f"{section}, row {number}: expected as many cells as column names")
        row: dict[str, Any] = {
            column.strip(): cell.strip() for column, cell in line.items() if cell.strip()
        }
        if row.get("installs", ALL) != ALL:
            row["installs"] = row["installs"].split()
        rows.append(row)
    return _document({section: rows}, strict=False)


def _document(said: Mapping[str, Any], *, strict: bool = True) -> Document:
    sections: dict[str, dict[str, Any]] = {}
    for section, rows in said.items():
        if not isinstance(rows, list):
            raise BadDocument(f"{section}: expected a list of rows, got {_kind(rows)}")
        named = sections.setdefault(section, {})
        for number, row in enumerate(_read_rows(section, rows, strict=strict), start=1):
            name = name_of(row)
            if name in named:
                first = list(named).index(name) + 1
                raise BadDocument(f"{section}, row {number}: the same as row {first} ({name})")
            named[name] = row
    return Document(sections)


def name_of(row: Row) -> str:
    """What a row is called in its section, by the ids that make it what it is."""
    match row:
        case PersonRow():
            return row.username
        case RoleRow():
            return f"{row.person} {row.role} {row.tenant or row.extension}"
        case CapabilityRow():
            return f"{row.extension}/{row.install}" if row.install else row.extension
    return row.key


def _read_rows(section: str, rows: Iterable[Any], *, strict: bool) -> Iterable[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise BadDocument(f"{section}, row {number}: expected an object, got {_kind(row)}")
        try:
            read = msgspec.convert(row, ROWS[section], strict=strict)
        except msgspec.ValidationError as error:
            raise _explained(section, number, row, str(error)) from None
        if isinstance(read, PersonRow):
            read = msgspec.structs.replace(read, username=_plain(read.username))
        elif isinstance(read, RoleRow):
            read = msgspec.structs.replace(read, person=_plain(read.person))
            _require_role(number, read)
        elif isinstance(read, TenantRow) and read.key in RESERVED_TENANTS:
            raise _fault(
                section, number, "key", "a key that runners do not use themselves", read.key
            )
        yield read


def _plain(name: str) -> str:
    """As Django keeps it."""
    return unicodedata.normalize("NFKC", name)


def _require_role(number: int, row: RoleRow) -> None:
    needs = ("tenant",) if row.role == "admin" else ("extension", "installs")
    for column in ("tenant", "extension", "installs"):
        value = getattr(row, column)
        if (column in needs) != (value is not None):
            expected = _EXPECTED[column] if column in needs else f"nothing for the role {row.role}"
            raise _fault("roles", number, column, expected, value)


def _explained(section: str, number: int, row: Mapping[str, Any], said: str) -> BadDocument:
    """msgspec's words name neither row nor value."""
    if found := re.search(r"unknown field `(.*)`", said, re.DOTALL):
        column = found[1]
        if column in _GIVEN_AT_THE_DESK:
            return _fault(
                section, number, column, "nothing: such rights are given at the desk", row[column]
            )
        known = ", ".join(ROWS[section].__struct_fields__)
        return BadDocument(
            f"{section}, row {number}, {column[:40]!r}: no such field; there are {known}"
        )
    found = re.search(r"required field `(\w+)`", said) or re.search(r"\$\.(\w+)", said)
    column = found[1] if found else ""
    expected = _EXPECTED.get(column, said.replace("`", ""))
    if section == "capabilities" and column == "name":
        expected = "cap:debug.logs"
    return _fault(section, number, column, expected, row.get(column))


def _fault(section: str, number: int, column: str, expected: str, got: object) -> BadDocument:
    arrived = "nothing" if got is None else f"{got!r}"[:80]
    return BadDocument(f"{section}, row {number}, {column}: expected {expected}; got {arrived}")


def _kind(value: object) -> str:
    return {list: "a list", dict: "an object", str: "text", type(None): "null"}.get(
        type(value), f"{value!r}"[:40]
    )


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a section that stands twice nobody knows which is meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
