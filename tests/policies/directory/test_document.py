"""A document is read whole or refused with section, row, field, what was expected and what came."""

import json
from typing import Any

import pytest

from policies.directory.document import BadDocument, Options, TenantRow, read_csv, read_json

KEY = "1 to 64 characters of a-z 0-9 . _ - that start with a letter or digit"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([], "expected a JSON object with sections, got a list"),
        ({"users": []}, "'users': no such section; expected some of tenants, extensions, installs,"
                        " people, roles, capabilities"),
        ({"widen": True}, "'widen': no such section"),
        ({"people": {}}, "people: expected a list of rows, got an object"),
        ({"people": ["uma"]}, "people, row 1: expected an object, got text"),
        ({"tenants": [{"key": "a"}, {"key": "B c"}]},
         f"tenants, row 2, key: expected {KEY}; got 'B c'"),
        ({"tenants": [{"key": "a\n"}]}, f"tenants, row 1, key: expected {KEY}; got 'a\\n'"),
        ({"tenants": [{"key": "unknown"}]},
         "tenants, row 1, key: expected a key that runners do not use themselves; got 'unknown'"),
        ({"tenants": [{"name": "A"}]}, f"tenants, row 1, key: expected {KEY}; got nothing"),
        ({"tenants": [{"key": "a", "name": ""}]},
         "tenants, row 1, name: expected 1 to 200 characters without control characters; got ''"),
        ({"tenants": [{"key": "a", "active": "no"}]},
         "tenants, row 1, active: expected true or false; got 'no'"),
        ({"tenants": [{"key": "a", "nmae": "A"}]},
         "tenants, row 1, 'nmae': no such field; there are key, name, active, consent_required"),
        ({"tenants": [{"key": "a"}, {"key": "b"}, {"key": "a"}]},
         "tenants, row 3: the same as row 1 (a)"),
        ({"people": [{"username": "u", "is_staff": True}]},
         "people, row 1, is_staff: expected nothing: such rights are given at the desk; got True"),
        ({"people": [{"username": "u v"}]},
         "people, row 1, username: expected 1 to 150 letters, digits and . @ + - _; got 'u v'"),
        ({"people": [{"username": "u", "email": "no address"}]},
         "people, row 1, email: expected an e-mail address of at most 254 characters, or nothing;"
         " got 'no address'"),
        ({"roles": [{"person": "u", "role": "operator"}]},
         "roles, row 1, role: expected admin or developer; got 'operator'"),
        ({"roles": [{"person": "u", "role": "admin"}]},
         f"roles, row 1, tenant: expected {KEY}; got nothing"),
        ({"roles": [{"person": "u", "role": "admin", "tenant": "a", "extension": "e"}]},
         "roles, row 1, extension: expected nothing for the role admin; got 'e'"),
        ({"roles": [{"person": "u", "role": "developer", "extension": "e", "installs": []}]},
         'roles, row 1, installs: expected "all" or at least one install key; got []'),
        ({"capabilities": [{"extension": "e", "name": "cap:root"}]},
         "capabilities, row 1, name: expected cap:debug.logs; got 'cap:root'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(said: Any, message: str) -> None:
    with pytest.raises(BadDocument) as error:
        read_json(json.dumps(said).encode())
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected a JSON object: "),
        (b'{"people": [], "people": []}', "expected a JSON object: 'people' stands twice"),
        (b'{"people": [{"username": NaN}]}', "expected a JSON object: NaN is no JSON"),
        (b"[" * 100_000, "expected a JSON object: "),
        (b"\xff{}", "expected a JSON object: "),
    ],
    ids=range(5),
)
def test_what_is_no_json_object_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(BadDocument) as error:
        read_json(text)
    assert str(error.value).startswith(message)


def test_options_stand_beside_the_sections_where_they_may() -> None:
    document, options = read_json(
        b'{"tenants": [{"key": "a"}], "widen": true, "allow_removals": 3}', options=True
    )
    assert options == Options(widen=True, allow_removals=3)
    assert document.sections == {"tenants": {"a": TenantRow(key="a")}}
    with pytest.raises(BadDocument, match=r"Expected bool, got str - at \$.widen"):
        read_json(b'{"widen": "yes"}', options=True)


def test_csv_is_the_same_rows() -> None:
    text = (
        "person,role,tenant,extension,installs\r\n"
        'uma,admin,"umbrella",,\r\nines,developer,,mailer,mail-u mail-i\r\n'
        "dan,developer,,mailer,all"
    )
    rows = [
        {"person": "uma", "role": "admin", "tenant": "umbrella"},
        {"person": "ines", "role": "developer", "extension": "mailer",
         "installs": ["mail-u", "mail-i"]},
        {"person": "dan", "role": "developer", "extension": "mailer", "installs": "all"},
    ]  # fmt: skip
    assert read_csv(text, "roles") == read_json(json.dumps({"roles": rows}).encode())[0]
    (row,) = read_csv("key,active\na,false", "tenants").sections["tenants"].values()
    assert row == TenantRow(key="a", active=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key\na,b", "tenants, row 1: expected as many cells as column names"),
        ('key\n"a', "tenants: expected CSV: unexpected end of data"),
        ("key,active\na,perhaps", "tenants, row 1, active: expected true or false; got 'perhaps'"),
    ],
)
def test_csv_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadDocument) as error:
        read_csv(text, "tenants")
    assert str(error.value) == message
