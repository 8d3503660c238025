"""Months of commissions as they are listed, with what of them is unpaid and when it is due."""
