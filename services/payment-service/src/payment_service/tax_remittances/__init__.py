"""Runs that pass withheld tax on to the state."""
