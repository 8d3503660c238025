"""Runs: who is paid what, prepared by the worker and approved by two people."""
