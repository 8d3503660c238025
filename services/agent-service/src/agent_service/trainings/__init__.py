"""Trainings that applicants have completed."""
