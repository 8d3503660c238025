"""`perisai-serve NAME` or `python -m perisai_kit NAME`: one process of the platform.

services/serve.py does it; this module leaves out what makes the imports before it a third longer.
"""

import gc
import sys


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    # Imports leave no garbage to look for. serve.py turns the collector on again.
    gc.disable()
    # structlog and httpx import rich where it is installed, as in a sandbox, for terminals that no
    # service has. This makes the import fail, as where it is not installed.
    sys.modules["rich"] = None  # type: ignore[assignment]  # as documented, but not in the stubs
    from perisai_kit.services.serve import main as serve  # noqa: PLC0415 - after the line above

    serve()


if __name__ == "__main__":
    main()
