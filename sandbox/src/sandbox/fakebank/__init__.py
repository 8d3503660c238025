"""A SNAP bank for developers and tests: it answers our calls and pays our virtual accounts."""
