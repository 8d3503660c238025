"""Send the payouts of released runs to banks, each at most once."""
