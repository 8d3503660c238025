"""The payees, account and officers of the tests of payouts."""

from payment_service_tests.payouts.conftest import account, book, earn, office, officer

__all__ = ["account", "book", "earn", "office", "officer"]
