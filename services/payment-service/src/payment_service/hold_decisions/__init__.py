"""What another person decides on a proposal for held incentives."""
