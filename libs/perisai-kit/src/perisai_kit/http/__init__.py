"""HTTP for servers."""
