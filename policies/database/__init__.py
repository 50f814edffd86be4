"""What the database itself guarantees: its clock, its triggers, and the checks of both."""
