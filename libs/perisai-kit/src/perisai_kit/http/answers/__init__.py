"""Layers that change an answer on its way out: compressed, or not sent again."""
