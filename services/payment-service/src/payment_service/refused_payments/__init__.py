"""Payments that were refused or turned back: what banks offered and we did not take."""
