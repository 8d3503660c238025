"""What each payee gets of a closed month, with the breakdown by agent."""
