"""The worker's part of a released run: check once more, let it be sent, and end it."""
