"""What an applicant must meet, and the record of every check of it."""
