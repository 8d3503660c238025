"""Wadahs, the organisations agents belong to, and their agreements."""
