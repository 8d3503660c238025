"""Replace the key, the secret and the source addresses of a bank while its bills are payable."""
