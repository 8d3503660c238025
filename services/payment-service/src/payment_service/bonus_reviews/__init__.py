"""Acquisition bonus that waits until an officer has looked at flagged acquisitions."""
