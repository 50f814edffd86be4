"""Who may call a runner: programs that hold its token, and no web page.

A page of any site can post to the loopback of whoever reads it, and by a name that resolves to
127.0.0.1 it can read the answers too: so the token is asked for everywhere, a request that a page
made is refused, and on the loopback one for another name as well.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from extdebug.runner.config import LOOPBACK
from extdebug.runner.http.responses import Answer


def authorize(headers: Mapping[str, str], *, token: str, host: str) -> None:
    """Answer (401 or 403) for a request that may not come in. `host` is where the runner listens,
    header names are lower-case."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise Answer(403, "web pages may not call a runner", code="forbidden")
    if host in LOOPBACK and _name(headers.get("host", "")) not in LOOPBACK:
        raise Answer(
            403, "this runner answers to 127.0.0.1, [::1] and localhost alone", code="forbidden"
        )
    given = headers.get("x-runner-auth", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Answer(401, "x-runner-auth is missing or wrong", code="unauthorized")


def _name(host: str) -> str:
    """A Host header without its port and an IPv6 address's brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
