"""What a guest or command writes, as lines: split, joined and handed to the publisher."""
