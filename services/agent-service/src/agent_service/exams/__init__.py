"""Exams that applicants have taken."""
