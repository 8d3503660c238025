"""The months of commissions: open, and closed for good."""
