"""How a runner's process ends once it has run guests."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final, NoReturn

UNWRITTEN: Final = 120  # Python's own code when its output could not be written


def leave(code: int) -> NoReturn:
    """End the process at once, with all that was written; nothing of the interpreter is taken down.

    The engine has threads of its own that call Python. One that does so while the interpreter goes
    away panics, and the process ends by SIGABRT in place of its exit code: 1 stop in 80, measured.
    A guest that still sleeps in a host call could not be ended at all.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # none was given to the process
                stream.flush()
        except (OSError, ValueError):  # nobody reads it any more, or it is closed
            code = code or UNWRITTEN
    os._exit(code)
