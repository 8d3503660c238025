"""What the migrations of all services share: how they run, their steps, the kit's own tables."""
