"""What an agent did each month, and whether that counts as inactive."""
