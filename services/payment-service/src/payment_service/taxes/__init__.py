"""The income tax withheld from what agents and wadahs are paid, and what is due to the state."""
