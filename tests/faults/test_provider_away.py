"""A provider that takes connections and never answers keeps nobody else waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from extdebug.demo.sample import Cast
from tests.fixtures.cast import PASSWORD
from tests.fixtures.console import Console

AT_ONCE = 6  # people who want to sign in by it
SOON = 3.0  # seconds: of a page that waits for nothing, on a busy machine


def test_pages_and_passwords_do_not_wait_for_it(
    live_console: Callable[..., Console], cast: Cast
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        console = live_console(
            OIDC_ISSUER=f"http://127.0.0.1:{silent.getsockname()[1]}",
            OIDC_CLIENT_ID="console", OIDC_CLIENT_SECRET="a-secret", OIDC_NAME="Acme ID",
        )  # fmt: skip

        def leave(_: int) -> httpx.Response:
            return httpx.get(f"{console.url}/login/provider/", timeout=40)

        with ThreadPoolExecutor(AT_ONCE) as people:
            waiting = [people.submit(leave, each) for each in range(AT_ONCE)]
            time.sleep(0.5)  # so that all of them stand there
            begun = time.monotonic()
            with httpx.Client(base_url=console.url, timeout=10) as browser:
                page = browser.get("/login/")
                form = {
                    "username": "olivia", "password": PASSWORD,
                    "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                }  # fmt: skip
                signed = browser.post("/login/", data=form, headers={"Origin": console.origin})
            took = time.monotonic() - begun
            held = [each for each in waiting if not each.done()]
            answers = [each.result() for each in waiting]
    assert (page.status_code, signed.status_code) == (200, 302)
    assert held, "the provider answered, so this proves nothing"
    assert took < SOON
    assert {answer.status_code for answer in answers} == {503}
    assert all("Acme ID cannot be used now: it does not answer" in each.text for each in answers)
