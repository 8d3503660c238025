"""Who is paid what a statement owes: the wadah or the agent, and what holds it back."""
