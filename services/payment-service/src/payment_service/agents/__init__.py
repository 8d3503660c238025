"""When agents were at work and wadahs had an agreement, as agent-service tells."""
