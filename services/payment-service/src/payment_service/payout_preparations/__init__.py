"""The worker's part of a proposed run: who is paid what, and who is left out."""
