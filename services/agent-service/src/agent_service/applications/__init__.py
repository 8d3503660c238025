"""From an application to an agent: requirements, training, exam, approval."""
