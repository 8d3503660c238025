"""What a sandbox begins with: agents, members in every standing, bills, payments, applications."""
