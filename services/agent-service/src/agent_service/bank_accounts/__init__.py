"""Bank accounts of agents and wadahs: verified by a bank, changed by two people."""
