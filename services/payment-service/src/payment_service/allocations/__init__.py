"""What a payment was used for: bills, or suspense until two people decide."""
