#!/bin/sh
# Write the lock of what runs three servers of PostgreSQL with failover, without addresses.
set -eu
cd "$(dirname "$0")"

../../.venv/bin/python ../../deploy/uv.py pip compile --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate "$@" requirements.in -o requirements.lock
