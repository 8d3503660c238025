"""What is known of agents and wadahs for tax, from which day on, changed by two people."""
