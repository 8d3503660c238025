"""Members, enrolments, attributions and coverage."""
