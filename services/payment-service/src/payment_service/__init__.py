"""Tariffs, bills, the ledger and the banks."""
