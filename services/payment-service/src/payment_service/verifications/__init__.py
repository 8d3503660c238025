"""The second opinion on closed months: what they came to, computed anew in plain SQL."""
