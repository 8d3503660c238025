#!/bin/sh
# Create .venv and install the platform and its sandbox, with third-party packages checked by hash.
# PYTHON selects the interpreter; the default is the first one that is new enough.
# `setup.sh dev` adds what tests, linters and measurements need.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if is_new_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
[ -n "$python" ] || fail "Python 3.11 or newer is needed; this machine has $(python3 -V 2>&1 || echo none)."
command -v "$python" >/dev/null 2>&1 || fail "There is no $python; set PYTHON to Python 3.11 or newer."
is_new_enough "$python" || fail "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)."
"$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
    fail "Python's venv module is missing; install it (on Debian and Ubuntu: python3-venv)."

here=.venv/bin/python

# step PLACE TITLE COMMAND...: run it and show its progress.
step() {
    "$python" deploy/progress.py "$@"
}

# install PLACE TITLE LOCK [OPTION]: install the packages of the lock file.
install() {
    step "$1" "$2" $here deploy/uv.py pip install ${4:-} --python $here \
        --require-hashes -r "$3" || fail "The packages could not be installed; see the lines above."
}

if [ "${1:-}" = dev ]; then
    echo "Adding what tests and linters need: about half a minute, 160 MB." >&2
    install 1/1 "development packages" requirements.lock
    touch .venv/installed-dev
    exit
fi

rm -f .venv/installed .venv/installed-dev
echo "Installing into .venv: about a minute, more where packages must be fetched; 300 MB." >&2
if ! is_new_enough $here || ! $here -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    step 1/5 "environment" "$python" -m venv .venv || fail "Python could not make .venv."
fi
step 2/5 "installer" $here -m pip install --quiet --quiet --require-hashes \
    -r requirements-uv.lock || fail "uv could not be installed; see the lines above."
install 3/5 "packages" deploy/requirements-sandbox.lock --compile-bytecode
set --
for project in libs/*/ gateway/ services/*/ sandbox/; do
    if [ -f "${project}pyproject.toml" ]; then
        set -- "$@" -e "./$project"
    fi
done
step 4/5 "the platform" $here deploy/uv.py pip install --python $here --no-deps \
    --no-build-isolation "$@" ||
    fail "Our own packages could not be installed; see the lines above."
# Otherwise each process would compile them at its first start, all at the same time.
step 5/5 "compiling" $here -m compileall -q -j 0 libs/*/src gateway/src services/*/src sandbox/src ||
    fail "Our own packages could not be compiled; see the lines above."
touch .venv/installed
