"""Which page a request comes from: its Origin, read strictly, and whether it is our own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def read_origin(text: str) -> Origin | None:
    """(scheme, host, port), lower-cased and with the default port filled in; None if malformed.

    `null`, a path, a query, a user name, a wildcard or another scheme is malformed.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in _DEFAULT_PORTS or not host or "*" in host:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or "?" in text:
        return None
    return parts.scheme, host, port if port is not None else _DEFAULT_PORTS[parts.scheme]


def from_own_page(request: HttpRequest) -> bool:
    """Whether a page of this console sent it, of the very host it was sent to.

    Browsers name the page's origin with every POST, and no page can name another. `null`, two
    origins and none at all are not ours; neither is a page of another listed origin.
    """
    origin = read_origin(request.headers.get("Origin", ""))
    if origin is None or origin not in map(read_origin, settings.EXT_DEBUG_ORIGINS):
        return False
    return origin == read_origin(f"{origin[0]}://{request.get_host()}")
