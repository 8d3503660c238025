"""What a scheme would have paid in closed months, beside what was booked."""
