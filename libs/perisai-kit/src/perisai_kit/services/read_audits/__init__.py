"""The read audits of a service, for the persons they name and for auditors."""
