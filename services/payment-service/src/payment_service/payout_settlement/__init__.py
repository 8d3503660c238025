"""Find out what became of payouts that were sent: ask the bank, read its statement, ask people."""
