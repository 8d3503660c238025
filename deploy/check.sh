#!/bin/sh
# What `make check` runs after lint: types, imports and the tools of the clients beside the document of
# the API and the tests, which wait for time-outs and processes. What they say comes after the tests,
# and only where something is wrong, so that a good run ends with the summary of the tests. PY, TYPED,
# ARGS: as in the Makefile.
set -u
said=$(mktemp -d)
"$PY" -m mypy $TYPED >"$said/types" 2>&1 &
types=$!
make --no-print-directory imports >"$said/imports" 2>&1 &
imports=$!
mkdir -p build/api
touch build/api/installing # the tests that need the tools wait until it is gone
sh tests/clients/install.sh >"$said/tools" 2>&1 &
tools=$!
trap 'kill "$types" "$imports" "$tools" 2>/dev/null; rm -rf "$said"' EXIT
trap 'exit 130' INT TERM
make --no-print-directory test ARGS="-m 'not soak' ${ARGS:-}"
status=$?
wait "$tools" || { cat "$said/tools" >&2; status=1; }
wait "$imports" || { cat "$said/imports" >&2; status=1; }
wait "$types" || { cat "$said/types" >&2; status=1; }
exit "$status"
