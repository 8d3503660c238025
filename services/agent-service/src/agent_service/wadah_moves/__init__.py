"""Moves of agents to another wadah of their branch: proposed, decided, withdrawn."""
