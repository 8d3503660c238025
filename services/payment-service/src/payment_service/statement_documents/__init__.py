"""Statement documents: what a month paid an agent, a wadah or a branch, as JSON and as files."""
