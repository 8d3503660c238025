"""Money a bank has reported, and the receipt for it."""
