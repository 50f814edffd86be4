"""Close codes: which of them tell a client to come back."""

from __future__ import annotations

from extdebug.protocol.close_codes import CloseCode


def test_a_client_reconnects_after_three_codes_only():
    assert {int(code) for code in CloseCode if not code.final} == {4012, 4429, 4503}


def test_every_code_is_one_that_an_application_may_choose():
    """RFC 6455, 7.4.2: 4000 to 4999 are for private use."""
    assert all(4000 <= code <= 4999 for code in CloseCode)
