"""Agents in office: suspension, reinstatement, dismissal."""
