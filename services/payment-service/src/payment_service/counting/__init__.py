"""Which payments earn, for whom, for which month, and which still wait."""
