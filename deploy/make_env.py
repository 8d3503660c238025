"""Write .env with random secrets for a first try with docker-compose.yml.

`python3 deploy/make_env.py [--sandbox] [FILE]`; the default of FILE is .env beside
docker-compose.yml. An existing file is never changed, because its keys may be the only copy.
Standard library only, because nothing is installed yet.
"""

import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SANDBOX = (
    "COMPOSE_PROFILES",
    "PERISAI_SANDBOX",
    "PERISAI_CLOCK_FILE",
    "PERISAI_PAYMENT_TREASURY_BANK_CODE",
    "PERISAI_PAYMENT_TREASURY_ACCOUNT_NO",
)


def make_key() -> str:
    """Return base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


MAKERS: dict[str, Callable[[], str]] = {
    "_ISSUER": lambda: "http://127.0.0.1:8000",
    "_PASSWORD": lambda: secrets.token_hex(24),
    "_DATA_KEYS": lambda: f"k1:{make_key()}",
    "_LOOKUP_KEY": make_key,
    "_CLIENT_SECRET": lambda: secrets.token_urlsafe(36),
}
"""By the end of the variable's name."""


def fill(example: str, *, sandbox: bool) -> str:
    """Return .env.example with all required variables filled in.

    sandbox: also the variables of a sandbox.
    """
    return "\n".join(_filled(line, sandbox=sandbox) for line in example.splitlines()) + "\n"


def _filled(line: str, *, sandbox: bool) -> str:
    name, _, value = line.partition("=")
    if sandbox and name.startswith("#") and name[1:] in SANDBOX:
        return line[1:]
    if line.startswith("#") or not name or value:
        return line
    return next(f"{name}={make()}" for end, make in MAKERS.items() if name.endswith(end))


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    sandbox = "--sandbox" in arguments
    named = [word for word in arguments if word != "--sandbox"]
    if len(named) > 1 or any(word.startswith("-") for word in named):
        sys.stderr.write("Usage: python3 deploy/make_env.py [--sandbox] [FILE]\n")
        return 2
    path = Path(named[0]) if named else ROOT / ".env"
    text = fill((ROOT / ".env.example").read_text(encoding="utf-8"), sandbox=sandbox)
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{path} exists and was not touched: it may hold keys that are needed.\n")
        return 1
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    sys.stdout.write(f"{path} holds fresh secrets. Keep it from others, and keep a copy.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
