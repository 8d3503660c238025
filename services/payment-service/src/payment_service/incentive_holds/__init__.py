"""What is stated and held back: after a dismissal for cause, or while a wadah may not be paid."""
