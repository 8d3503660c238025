"""Bank accounts: whether the bank knows an account as its holder's."""
