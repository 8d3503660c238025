"""Money in suspense: who answers for it, and what two people decide to use it for."""
