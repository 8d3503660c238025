"""What each agent and wadah is owed for a month, once the month is closed."""
