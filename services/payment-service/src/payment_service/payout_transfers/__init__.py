"""Attempts to move the money of a payout: at a bank, or in an upload file."""
