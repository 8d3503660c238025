#!/bin/sh
# What `make check` runs after lint: types and imports beside the tests, which wait for time-outs and
# processes. What they say comes after the tests, and only where something is wrong, so that a good
# run ends with the summary of the tests. PY, TYPED, ARGS: as in the Makefile.
set -u
said=$(mktemp -d)
"$PY" -m mypy $TYPED >"$said/types" 2>&1 &
types=$!
make --no-print-directory imports >"$said/imports" 2>&1 &
imports=$!
trap 'kill "$types" "$imports" 2>/dev/null; rm -rf "$said"' EXIT
trap 'exit 130' INT TERM
sh tests/clients/install.sh &&
    make --no-print-directory test ARGS="-m 'not soak' ${ARGS:-}"
status=$?
wait "$imports" || { cat "$said/imports" >&2; status=1; }
wait "$types" || { cat "$said/types" >&2; status=1; }
exit "$status"
