# shellcheck shell=bash
# Sourced by tests/run and tests/bench/run: the Python and the packages that both run in.
# Everything here happens in the repository's root.

say() { printf '\n== %s\n' "$*"; }

# find_python PROGRAM: sets `python` to a Python that is new enough; PROGRAM is who asks.
find_python() {
    local candidate
    python=""
    for candidate in python3 python3.15 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$(command -v "$candidate")
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "$1: needs Python 3.11 or newer on PATH" >&2
        exit 2
    fi
}

# make_environment [FOLDER]: packages into FOLDER, .cache/tests unless given, once per pyproject.toml
# and Python; sets `bin`.
make_environment() {
    local environment=${1:-.cache/tests} stamp
    stamp=$({ "$python" -c 'import sys; print(sys.executable, sys.version)'; cat pyproject.toml; } | sha256sum)
    if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "installing packages into $environment"
        rm -rf "$environment"
        "$python" -m venv "$environment" || return 1
        "$environment/bin/pip" install --quiet --disable-pip-version-check -e '.[test]' || return 1
        printf '%s\n' "$stamp" >"$environment/stamp"
    fi
    bin=$PWD/$environment/bin
    export PATH="$bin:$PATH" PYTHONDONTWRITEBYTECODE=
}
