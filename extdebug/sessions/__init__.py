"""One person watching one stream: opened, decided again while it lives, ended and recorded."""
