"""The banks we work with: what each knows of us, we of it, and whether it may call."""
