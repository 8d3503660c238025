"""The limits the platform holds, each measured beside a yardstick: `make bench`."""
