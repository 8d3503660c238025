"""Holders of bank accounts and tax identities: agents and wadahs, and who acts for them."""
