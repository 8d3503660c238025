"""Names that a service shows beside ids, asked of the service that keeps them."""
