"""Measure the limits of the platform, each beside a yardstick: `make bench`."""
