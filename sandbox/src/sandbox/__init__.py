"""The perisai command: embedded PostgreSQL, runner, fake bank, demo."""
