"""Processes: how a service starts."""
