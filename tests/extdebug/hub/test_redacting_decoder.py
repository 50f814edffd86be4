"""What foreign runners cut is redacted to its end."""

from extdebug.hub.redacting_decoder import RedactingDecoder
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import ID, raw
from tests.extdebug.stage import TARGET


def shown(message: str, **more: str) -> str:
    entry = RedactingDecoder(Redactor(key=b"k"), TARGET)((ID, raw(message=message, **more)))
    assert entry.event is not None
    return entry.event.message


def test_half_a_token_at_the_end_of_a_truncated_message_is_masked():
    text = "cloning with ghp_0123456789"
    assert shown(text, truncated="1") == "cloning with [redacted:github-token]"
    assert shown(text) == text
