"""Pages of the operators about streams: purging what one retains, and who was shown it."""
