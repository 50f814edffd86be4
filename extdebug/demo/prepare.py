"""Brings the demo's database up to date: migrations, then the sample. Run as a process.

A process of its own because the demo's settings come from an environment that only exists once
the demo has chosen its Redis and its database.
"""

from __future__ import annotations

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from extdebug.demo import sample

    call_command("migrate", verbosity=0, interactive=False)
    sample.lay_out()


if __name__ == "__main__":
    main()
