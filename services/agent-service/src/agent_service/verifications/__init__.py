"""Verification of an application: the questions to other services, asked for real."""
