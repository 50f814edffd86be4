"""Runs any program, shows what it prints and publishes it: `python -m extdebug.runner wrap`."""
