"""When agents were at work and wadahs had an agreement, from the events of agent-service."""
