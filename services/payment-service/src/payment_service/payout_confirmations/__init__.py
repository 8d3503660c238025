"""Whether agents received what a wadah was paid for them."""
