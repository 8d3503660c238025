"""Marks for possible fraud on members whom agents acquired."""
