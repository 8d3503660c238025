"""The figures of bills and payments that a start page shows, by role."""
