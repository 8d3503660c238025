"""What several services keep of agents."""
