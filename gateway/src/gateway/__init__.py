"""Accounts, tokens and the edge in front of the Perisai services."""
