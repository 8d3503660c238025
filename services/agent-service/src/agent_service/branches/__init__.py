"""Branch offices of the programme."""
