"""What is known of a receiver, without its secret where it could be written down."""

from audit.tracing.settings import TraceSettings


def test_the_headers_are_in_no_log_and_no_traceback():
    settings = TraceSettings("http://c.example:4318", headers={"api-key": "s3cret"})
    assert "s3cret" not in repr(settings)
    assert "c.example" in repr(settings)
