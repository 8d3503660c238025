"""What a payee is paid for their statements, and what becomes of it."""
