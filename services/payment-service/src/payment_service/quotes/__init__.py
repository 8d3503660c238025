"""What months of protection would cost a member."""
