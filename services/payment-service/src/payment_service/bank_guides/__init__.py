"""What a bank's engineer needs to connect: sample requests to copy, and the table of our codes."""
