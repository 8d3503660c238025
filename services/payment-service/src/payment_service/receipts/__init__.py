"""Receipts: what was paid, for which months and programmes, by which bank."""
