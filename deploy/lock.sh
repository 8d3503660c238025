#!/bin/sh
# Write requirements.lock and requirements-uv.lock from all pyproject.toml files.
# Versions stay as they are where they still fit; arguments go to uv, such as --upgrade.
set -eu
cd "$(dirname "$0")/.."

new=$(mktemp)
trap 'rm -f "$new"' EXIT
if [ -f requirements.lock ]; then
    cat requirements.lock >"$new"
fi
projects=0
for project in pyproject.toml libs/*/pyproject.toml gateway/pyproject.toml \
    services/*/pyproject.toml sandbox/pyproject.toml; do
    name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$project" | head -n 1)
    set -- "$@" --no-emit-package "$name"
    if [ "$project" != pyproject.toml ]; then
        set -- "$@" "$project"
    fi
    projects=$((projects + 1))
done
[ "$projects" -gt 1 ] || exit 1
.venv/bin/python deploy/uv.py pip compile --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --group dev "$@" -o "$new"

if grep -nE '://|file:|^(-e|--editable|--index|--extra-index|--find-links)' "$new"; then
    echo "lock: the lines above name an address; nothing was written." >&2
    exit 1
fi
cat "$new" >requirements.lock
sed -n '/^uv==/,/[^\\]$/p' requirements.lock >requirements-uv.lock
