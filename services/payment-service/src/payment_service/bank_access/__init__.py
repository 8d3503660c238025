"""Which bank calls, and whether it may: tokens, signatures, allow-lists, unproven calls."""
