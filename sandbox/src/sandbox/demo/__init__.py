"""The demo: a journey through the platform, checked step by step."""
