"""What the agent or wadah who is signed in gets so far."""
