"""The history of bank partners: one row for every change, with its author. Insert only."""
