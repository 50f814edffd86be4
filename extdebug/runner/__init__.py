"""Runs and captures guests and publishes what they print; imports no Django."""
