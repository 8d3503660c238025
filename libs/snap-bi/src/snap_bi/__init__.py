"""SNAP BI, the Indonesian payment standard: signatures, messages, codes, bank profiles."""
