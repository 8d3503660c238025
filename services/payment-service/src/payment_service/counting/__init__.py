"""Which payments count for whom, and in which month."""
