"""Facts of months and their closing."""

from payment_service_tests.incentive_statements.conftest import close, faults, read_all, tell

__all__ = ["close", "faults", "read_all", "tell"]
