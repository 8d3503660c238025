"""The figures of agents and applications that a start page shows, by role."""
