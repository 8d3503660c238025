"""What agents and wadahs earn: one line a paid programme and month, rule and beneficiary."""
