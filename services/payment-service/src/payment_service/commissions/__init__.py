"""What agents and wadahs earn: one line a payment line, rule and beneficiary."""
