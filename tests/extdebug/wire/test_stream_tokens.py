"""Stream tokens: one stream, thirty seconds, one spelling; anything else is refused."""

import pytest

from extdebug.wire.events import BadId
from extdebug.wire.stream_tokens import LIFE, SKEW, BadToken, sign, verify

KEY = b"k" * 32


def token(now: float = 1000.0, **options) -> str:
    return sign(
        KEY, tenant="acme", extension="invoice-sync", installs=options.get("installs"), now=now
    )


def test_a_token_names_one_stream_and_its_installs():
    claims = verify(KEY, token(installs=("inst-b", "inst-a")), now=1010.0)
    assert (claims.tenant, claims.extension) == ("acme", "invoice-sync")
    assert claims.installs == ("inst-a", "inst-b")
    assert verify(KEY, token(), now=1000.0).installs is None


def test_it_lives_thirty_seconds_and_never_longer():
    assert verify(KEY, token(), now=1000.0 + LIFE).expires == 1000.0 + LIFE
    with pytest.raises(BadToken, match="expired"):
        verify(KEY, token(), now=1000.1 + LIFE)
    with pytest.raises(BadToken, match="clocks"):
        verify(KEY, token(now=1000.0 + SKEW + 1), now=1000.0)


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_one_changed_character_is_refused(place):
    text = token()
    place %= len(text)
    other = "A" if text[place] != "A" else "B"
    with pytest.raises(BadToken):
        verify(KEY, text[:place] + other + text[place + 1 :], now=1000.0)


@pytest.mark.parametrize("text", ["", ".", "a.b", "é.é", "x" * 20_000, "e30.e30"])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(BadToken):
        verify(KEY, text, now=1000.0)


def test_another_key_is_refused():
    with pytest.raises(BadToken, match="signature"):
        verify(b"x" * 32, token(), now=1000.0)


def test_no_token_for_what_is_no_id():
    with pytest.raises(BadId):
        sign(KEY, tenant="*", extension="x", installs=None, now=0)
