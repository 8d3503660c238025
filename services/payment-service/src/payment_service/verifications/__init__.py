"""The verification of closed months: what they came to, computed anew in plain SQL."""
