#!/bin/sh
# What `make check` runs after lint and imports: types beside the tests, which wait for time-outs and
# processes. What the types say comes after the tests, and only where something is wrong, so that a
# good run ends with the summary of the tests. PY, TYPED, ARGS: as in the Makefile.
set -u
said=$(mktemp)
"$PY" -m mypy $TYPED >"$said" 2>&1 &
types=$!
trap 'kill "$types" 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM
sh tests/clients/install.sh &&
    make --no-print-directory test ARGS="-m 'not soak' ${ARGS:-}"
tests=$?
wait "$types" || { cat "$said" >&2; exit 1; }
exit "$tests"
