"""What agents and wadahs earn is agreed in schemes: dated documents that two people stand for."""
