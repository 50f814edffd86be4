"""The settings that console and runner read from their environment: kinds of values, reading."""
