"""Only the console's own page, on the host that was asked, is taken for it."""

from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from extdebug.transports.origin import from_own_page, read_origin

HOST = "console.example"


@pytest.fixture(autouse=True)
def _listed(settings: Any) -> None:
    settings.EXT_DEBUG_ORIGINS = [f"https://{HOST}", "https://other.example", "http://[::1]:8000"]
    settings.ALLOWED_HOSTS = ["*"]


def asked(origin: str | None, host: str = HOST) -> bool:
    headers = {} if origin is None else {"Origin": origin}
    return from_own_page(RequestFactory().post("/", headers={"Host": host, **headers}))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (f"https://{HOST}", HOST),
        (f"https://{HOST}:443", HOST),
        (f"https://{HOST}", f"{HOST}:443"),
        ("HTTPS://CONSOLE.example", HOST),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_consoles_own_page_is_known(origin: str, host: str):
    assert asked(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        None, "", "null", "*", "https://evil.example", f"http://{HOST}", f"https://{HOST}:8443",
        f"https://x.{HOST}", f"https://{HOST}.evil.example", f"https://{HOST}@evil.example",
        f"https://{HOST}/", f"https://{HOST},https://{HOST}", f"https://{HOST} https://{HOST}",
        "https://other.example", "file://", HOST,
    ],
)  # fmt: skip
def test_no_other_page_is(origin: str | None):
    assert not asked(origin)


def test_a_page_of_a_host_that_is_not_listed_is_not_ours_though_it_asks_itself():
    assert not asked("https://elsewhere.example", "elsewhere.example")


@given(st.text(max_size=60))
def test_reading_an_origin_never_fails(text: str):
    parsed = read_origin(text)
    assert parsed is None or parsed[0] in ("http", "https")
