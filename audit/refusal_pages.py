"""The page that says why something was refused: it asks for no database, no request and no user."""

from __future__ import annotations

from django.http import HttpResponse
from django.template.loader import render_to_string


def wants_page(accept: str) -> bool:
    """Whether a browser asks, by its `Accept` header: programs name no HTML, or take anything."""
    return "text/html" in accept.lower()


def text(*, title: str, message: str) -> str:
    """The page's HTML."""
    return render_to_string("refused.html", {"title": title, "message": message})


def answer(*, title: str, message: str, status: int, retry: int | None = None) -> HttpResponse:
    """The page as a response; `retry` in seconds."""
    response = HttpResponse(text(title=title, message=message), status=status)
    if retry is not None:
        response["Retry-After"] = str(retry)
    return response
