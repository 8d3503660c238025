"""Where agents and wadahs are paid, and what is known of them for tax: for payment-service."""
