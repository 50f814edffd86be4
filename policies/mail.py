"""Whether e-mail leaves this console at all."""

from __future__ import annotations

from typing import Final

from django.conf import settings

# Backends of Django that reach nobody: the log (EMAIL_URL's default), nothing, a directory here.
_NOWHERE: Final = ("console.EmailBackend", "dummy.EmailBackend", "filebased.EmailBackend")


def sends_mail() -> bool:
    """Whether EMAIL_URL names a mail server; without one messages stay here."""
    return not settings.EMAIL_BACKEND.endswith(_NOWHERE)
