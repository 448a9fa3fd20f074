"""What screens are made of: widgets take dataclasses and emit messages, and know nothing of the core."""
