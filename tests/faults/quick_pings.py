"""`manage.py serve` with a heartbeat of one second, so that a test can wait for it."""

import os
import sys
from typing import Any

import uvicorn
from django.core.management import execute_from_command_line

from extdebug.ops import server

original = server.config


def config(**given: Any) -> uvicorn.Config:
    quick = original(**given)
    quick.ws_ping_interval = quick.ws_ping_timeout = 1.0
    return quick


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    server.config = config
    execute_from_command_line(["manage.py", "serve", *sys.argv[1:]])
