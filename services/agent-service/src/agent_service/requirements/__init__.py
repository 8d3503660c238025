"""Requirements of applicants, and the record of every check."""
