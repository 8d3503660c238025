"""Wadahs: the organisations of agents."""
