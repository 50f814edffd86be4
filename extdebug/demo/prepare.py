"""Brings the demo's database up to date: migrations, then the sample, in production with a request
that waits for an approver. Run as a process.

A process of its own because the demo's settings come from an environment that only exists once
the demo has chosen its Redis and its database.
"""

from __future__ import annotations

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from extdebug.demo import sample

    call_command("migrate", verbosity=0, interactive=False)
    cast = sample.lay_out()
    if settings.PRODUCTION:
        sample.ask_for_a_grant(cast)


if __name__ == "__main__":
    main()
