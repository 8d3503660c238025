"""The list of bills: filters, orders, and what has changed."""
