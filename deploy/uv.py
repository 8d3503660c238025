"""Run uv with pip's settings of this machine.

uv reads neither pip.conf nor PIP_*, so it would not use a package index that is configured for pip
only. UV_* variables take precedence. Standard library only, because nothing is installed yet.
"""

import ast
import os
import subprocess
import sys

LISTS = {
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}
WORDS = {
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
SECTIONS = ("global", "install", ":env:")
"""Later ones take precedence, as in pip."""


def pip_settings(listing: str) -> dict[str, str]:
    """Return pip's options from the output of `pip config list`."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.partition(".")
        if section in found and value.startswith(("'", '"')):
            found[section][option] = str(ast.literal_eval(value))
    return {option: value for section in SECTIONS for option, value in found[section].items()}


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """Translate pip's options into uv's variables."""
    environment = {name: settings[option] for option, name in WORDS.items() if option in settings}
    for option, (name, separator) in LISTS.items():
        if option in settings:
            environment[name] = separator.join(settings[option].split())
    if "extra-index-url" in settings:
        # As pip does. It is safe, because every package is pinned by hash.
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return environment


def main() -> int:
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    defaults = {"UV_PYTHON_DOWNLOADS": "never", **uv_environment(pip_settings(listing.stdout))}
    asked = [sys.executable, "-m", "uv", *sys.argv[1:]]
    return subprocess.run(asked, env={**defaults, **os.environ}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
