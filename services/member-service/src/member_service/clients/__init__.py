"""Questions this service asks others."""
