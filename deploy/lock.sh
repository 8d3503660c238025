#!/bin/sh
# Write the lock files from all pyproject.toml files, with the same versions in each:
# deploy/requirements-sandbox.lock for the sandbox, used by `make run` and an image;
# deploy/requirements.lock for the platform alone, used by the other image; requirements.lock with
# development dependencies; requirements-uv.lock with uv. The first one decides the versions.
# Versions stay if they still fit. Arguments are passed to uv, such as --upgrade.
set -eu
cd "$(dirname "$0")/.."

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
for name in requirements.lock deploy/requirements-sandbox.lock; do
    if [ -f "$name" ]; then
        cat "$name" >"$new/$(basename "$name")"
    fi
done

# compile OUTPUT ARGUMENTS...: lock the dependencies of these projects, without our own packages.
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
# The build backend of our packages, for images that build without network access.
printf 'hatchling\neditables\n' >"$new/backend.in"

# The names contain no spaces, so the list may be split.
# shellcheck disable=SC2086
compile "$new/requirements-sandbox.lock" $platform sandbox/pyproject.toml "$new/backend.in" "$@"
# An existing output decides which versions and hashes are preferred.
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
