"""Agreements (PKS) of wadahs."""
