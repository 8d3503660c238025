"""The reversal of a forfeit that was a mistake, by two people."""
