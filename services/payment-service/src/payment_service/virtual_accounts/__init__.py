"""Where orders can be paid: a number at each bank, and the name that the bank shows."""
