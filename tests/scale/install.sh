#!/bin/sh
# Install Patroni and etcd into build/scale, again only when the lock has changed.
set -eu
cd "$(dirname "$0")/../.."

here=tests/scale
there=build/scale
mkdir -p "$there"
if ! cmp -s "$here/requirements.lock" "$there/requirements.lock"; then
    .venv/bin/python -m venv --clear --without-pip "$there/python"
    .venv/bin/python deploy/progress.py 1/1 "Patroni and etcd" \
        .venv/bin/python deploy/uv.py pip install --python "$there/python/bin/python" \
        --require-hashes -r "$here/requirements.lock"
    cp "$here/requirements.lock" "$there/requirements.lock"
fi
