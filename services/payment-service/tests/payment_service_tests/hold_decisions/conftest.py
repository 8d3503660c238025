from payment_service_tests.incentive_holds.conftest import officer

__all__ = ["officer"]
