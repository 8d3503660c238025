"""Payouts by a file that an officer uploads at a bank, and the answer read back."""
