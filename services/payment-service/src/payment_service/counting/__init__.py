"""Which allocations earn, for whom, for which month, and which still wait."""
