"""The demo on one machine: embedded Redis, sample guest, runner and console in one command."""
