"""Branches, wadahs, applications and agents."""
