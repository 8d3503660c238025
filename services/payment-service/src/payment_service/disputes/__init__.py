"""What agents and wadahs dispute of their commission, and what officers answered."""
