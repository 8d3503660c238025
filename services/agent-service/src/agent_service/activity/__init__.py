"""Activity of an agent by month, and whether the agent counts as inactive."""
