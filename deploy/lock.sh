#!/bin/sh
# Write the lock files from all pyproject.toml files: deploy/requirements-sandbox.lock with what the
# sandbox needs to run, which `make run` and an image install; deploy/requirements.lock with what the
# platform alone needs, for the other image; requirements.lock with everything, development too, and
# requirements-uv.lock with uv alone. All at the very same versions: the first decides them.
# Versions stay as they are where they still fit; arguments go to uv, such as --upgrade.
set -eu
cd "$(dirname "$0")/.."

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
for name in requirements.lock deploy/requirements-sandbox.lock; do
    if [ -f "$name" ]; then
        cat "$name" >"$new/$(basename "$name")"
    fi
done

# compile OUTPUT ARGUMENTS...: what these projects need, without our own packages.
compile() {
    output=$1
    shift
    for project in pyproject.toml libs/*/pyproject.toml gateway/pyproject.toml \
        services/*/pyproject.toml sandbox/pyproject.toml; do
        name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$project" | head -n 1)
        set -- "$@" --no-emit-package "$name"
    done
    .venv/bin/python deploy/uv.py pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate "$@" -o "$output"
    if grep -nE '://|file:|^(-e|--editable|--index|--extra-index|--find-links)' "$output"; then
        echo "lock: the lines above name an address; nothing was written." >&2
        exit 1
    fi
}

platform="libs/perisai-kit/pyproject.toml libs/snap-bi/pyproject.toml gateway/pyproject.toml"
for project in services/*/pyproject.toml; do
    platform="$platform $project"
done
# What builds our packages in the images, where nothing may be fetched for it.
printf 'hatchling\neditables\n' >"$new/backend.in"

# No name of ours has a blank in it, so the list may be split.
# shellcheck disable=SC2086
compile "$new/requirements-sandbox.lock" $platform sandbox/pyproject.toml "$new/backend.in" "$@"
# An output that exists already says which versions and hashes are preferred.
cp "$new/requirements-sandbox.lock" "$new/platform"
# shellcheck disable=SC2086
compile "$new/platform" $platform "$new/backend.in"
# shellcheck disable=SC2086
compile "$new/requirements.lock" --group dev $platform sandbox/pyproject.toml \
    --constraint "$new/requirements-sandbox.lock" "$@"

cat "$new/requirements.lock" >requirements.lock
sed -n '/^uv==/,/[^\\]$/p' requirements.lock >requirements-uv.lock
cat "$new/platform" >deploy/requirements.lock
cat "$new/requirements-sandbox.lock" >deploy/requirements-sandbox.lock
