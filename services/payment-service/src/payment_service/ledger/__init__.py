"""Money that moved: insert-only transfers and the balances that follow from them."""
