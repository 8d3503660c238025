"""The journey the platform must always be able to walk, checked step by step."""
