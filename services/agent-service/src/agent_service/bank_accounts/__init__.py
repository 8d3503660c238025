"""Bank accounts: whether the bank confirms the holder of an account."""
