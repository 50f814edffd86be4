"""What was read of the trail is named; no part of an address that chose rows is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import readings

LIST = "/admin/audit/auditrecord/"


@pytest.mark.parametrize(
    ("read", "about", "said"),
    [
        (LIST, "", "The audit trail"),
        (f"{LIST}?action__exact=grant.revoked&p=2&o=1", "",
         "The audit trail, action grant.revoked, page 2"),
        (f"{LIST}?q=ann%20b&actor_kind__exact=user", "",
         "The audit trail, search “ann b”, actor kind user"),
        (f"{LIST}?action__in=page.refused,session.denied", "",
         "The audit trail, action page.refused, session.denied"),
        (f"{LIST}?at__gte=2026-11-26&at__lt=2026-11-27", "",
         "The audit trail, at from 2026-11-26, at before 2026-11-27"),
        (f"{LIST}123/change/", "", "Row 123 of the audit trail"),
        ("/tenant/acme/", "tenant acme", "The history of tenant acme"),
        ("/somewhere/", "", "The page /somewhere/"),
        ("who was shown it: tenant=acme", "", "Who was shown it: tenant=acme"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_reading_in_words(read: str, about: str, said: str) -> None:
    assert readings.in_words(read, about) == said


@given(
    st.from_regex(r"[a-z]{2,9}(__[a-z]{2,9})?", fullmatch=True),
    st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True),
)
def test_what_an_address_chose_is_in_its_words(name: str, value: str) -> None:
    assert value in readings.in_words(f"{LIST}?{name}={value}", "")
