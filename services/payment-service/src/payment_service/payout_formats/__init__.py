"""How a file of payouts is written for a bank without an API, and how its answer is read."""
