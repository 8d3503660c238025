"""What a client that reads bills offline has missed."""
