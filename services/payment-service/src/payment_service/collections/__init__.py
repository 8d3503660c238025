"""What banks have collected, added up by bank and business day."""
