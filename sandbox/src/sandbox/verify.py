"""The verification of a closed month of a sandbox, with the command that production uses."""

import os
import subprocess
import sys
from typing import Any

COMMAND = "payment_service.verify_commissions"


def verify_commissions(month: str, described: Any) -> int:
    """Compute a closed month a second time and print the result; return the exit code.

    described: what sandbox.json says.
    """
    url = described["databases"]["payment"]["app"]
    variables = {**os.environ, "PERISAI_PAYMENT_DATABASE_URL": url}
    command = [sys.executable, "-m", COMMAND, "--month", month]
    return subprocess.run(command, env=variables, check=False).returncode
