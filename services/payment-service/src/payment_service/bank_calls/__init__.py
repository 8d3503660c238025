"""What a bank sent us and what it was answered, for the bank's engineer."""
