"""Payments that were refused: what banks offered for our orders and gave back."""
