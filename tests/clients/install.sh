#!/bin/sh
# Install the tools that check the document of the API into build/api, again only when a lock has
# changed. Without Node, or where npm cannot reach its registry, only the Python client is tried; the
# tests that need Node say so.
set -eu
cd "$(dirname "$0")/../.."

here=tests/clients
there=build/api
mkdir -p "$there"
trap 'rm -f "$there/installing"' EXIT
trap 'exit 130' INT TERM

has_node() {
    command -v npm >/dev/null 2>&1 && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number)
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

if ! has_node; then
    rm -rf "$there/node_modules"
    echo "api: Node 20.19 or newer with npm is missing; linters and TypeScript clients are skipped." >&2
elif ! cmp -s "$here/package-lock.json" "$there/package-lock.json"; then
    rm -f "$there/package-lock.json"
    cp "$here/package.json" "$here/.npmrc" "$there/"
    cp "$here/package-lock.json" "$there/package-lock.new"
    mv "$there/package-lock.new" "$there/package-lock.json"
    .venv/bin/python deploy/progress.py 1/2 "linters and TypeScript" \
        npm ci --prefix "$there" --loglevel=error || {
        rm -rf "$there/package-lock.json" "$there/node_modules"
        ! npm ping >/dev/null 2>&1 || exit 1
        echo "api: npm cannot fetch packages; linters and TypeScript clients are skipped." >&2
    }
fi
if ! cmp -s "$here/requirements.lock" "$there/requirements.lock"; then
    .venv/bin/python -m venv --clear --without-pip "$there/python"
    .venv/bin/python deploy/progress.py 2/2 "Python client" \
        .venv/bin/python deploy/uv.py pip install --python "$there/python/bin/python" \
        --require-hashes -r "$here/requirements.lock"
    cp "$here/requirements.lock" "$there/requirements.lock"
fi
