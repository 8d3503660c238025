"""What a member is asked to pay, frozen at the moment of asking."""
