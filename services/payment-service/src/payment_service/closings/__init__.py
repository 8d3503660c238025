"""The close of a month: proposed by one, confirmed by another, made by the worker."""
