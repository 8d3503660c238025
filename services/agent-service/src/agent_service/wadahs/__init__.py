"""Wadahs: the organisations agents belong to."""
