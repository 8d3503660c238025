"""The wadah of an agent by day: moves between wadahs, and what ends a planned one."""
