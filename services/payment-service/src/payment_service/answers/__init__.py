"""What member-service answered to each settled allocation."""
