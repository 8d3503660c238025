"""Our accounts that incentives are paid from, and the stop of all payouts."""
