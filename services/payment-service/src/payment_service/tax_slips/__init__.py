"""Data for withholding slips and yearly recaps, as drafts for a tax adviser."""
