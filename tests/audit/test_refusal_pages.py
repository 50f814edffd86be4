"""A refusal's page stands without database, request and user; programs are told from browsers."""

import pytest

from audit import refusal_pages


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("TEXT/HTML", True),
        ("*/*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_browser_names_html(accept: str, page: bool):
    assert refusal_pages.wants_page(accept) is page


def test_the_page_says_what_and_when_and_takes_no_markup():
    # No mark for the database: a query fails this test.
    answer = refusal_pages.answer(title="Wait", message="<b>2 s</b>", status=503, retry=2)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "<h1>Wait</h1>" in answer.text
    assert "&lt;b&gt;2 s&lt;/b&gt;" in answer.text
    assert "Retry-After" not in refusal_pages.answer(title="x", message="y", status=400)
