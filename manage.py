#!/usr/bin/env python3
"""Django's command line for the console."""

import os
import sys

INSTALL = "python3 -m venv .venv && .venv/bin/pip install -e '.[demo]'"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        import channels  # noqa: F401
        import django  # noqa: F401
        import environ  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed. Install the console first:\n  {INSTALL}")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from config.bad_environment import BadEnvironment

    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as error:
        sys.exit(str(error))
    except OperationalError as error:  # away, not ours, or never migrated
        if "--traceback" in sys.argv:
            raise
        reason = (str(error).splitlines() or ["no answer"])[0]
        sys.exit(f"the database: {reason} (--traceback shows where)")


if __name__ == "__main__":
    main()
