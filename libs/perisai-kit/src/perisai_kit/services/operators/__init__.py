"""What administrators see of the work that a service could not do, and do about it."""
