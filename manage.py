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

    from config.bad_environment import BadEnvironment

    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
