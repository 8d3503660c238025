"""Stated incentives that must be held: of agents dismissed for cause, also what banks returned."""
