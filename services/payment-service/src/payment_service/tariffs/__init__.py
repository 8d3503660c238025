"""What one month of protection costs, and which law says so."""
