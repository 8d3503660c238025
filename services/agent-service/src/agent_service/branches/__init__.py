"""Branch offices: the places a programme is run from."""
