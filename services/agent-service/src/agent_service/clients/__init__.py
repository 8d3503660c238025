"""Requests of this service to other services."""
