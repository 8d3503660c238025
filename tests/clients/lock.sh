#!/bin/sh
# Write the locks of the tools that check the document of the API, without addresses: a lock names
# versions and hashes, and the machine says where packages come from. Arguments go to uv.
set -eu
cd "$(dirname "$0")"

../../.venv/bin/python ../../deploy/uv.py pip compile --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate "$@" requirements.in -o requirements.lock
if ! command -v npm >/dev/null 2>&1; then
    echo "lock: there is no npm, so tests/clients/package-lock.json stays as it is." >&2
    exit
fi
npm install --package-lock-only >/dev/null
../../.venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

path = Path("package-lock.json")
lock = json.loads(path.read_text())
for package in lock["packages"].values():
    for name in ("resolved", "funding", "deprecated"):
        package.pop(name, None)
path.write_text(json.dumps(lock, indent=1) + "\n")
PYTHON
