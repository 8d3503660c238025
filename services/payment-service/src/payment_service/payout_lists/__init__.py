"""Payouts as officers and payees see them, and what an officer does about failed ones."""
