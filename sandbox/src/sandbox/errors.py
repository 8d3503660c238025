"""What the `perisai` command says, in one line, when it cannot go on."""


class SandboxError(Exception):
    """Something the user can do something about; its text is one line and names the remedy."""
