"""Accounts, tokens and the door in front of the Perisai services."""
