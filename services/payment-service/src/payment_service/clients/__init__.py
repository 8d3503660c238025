"""What this service asks the other services."""
