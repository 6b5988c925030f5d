#!/bin/sh
# Prints the first of these Pythons that can run Moot; without arguments, the first that this machine has.
# 3.11 comes first because CI runs everything on it; litellm and the locked wheels serve up to 3.14.
# Each is tried, as a name proves nothing: pyenv leaves names of versions that are switched off, and Debian's
# python3 comes without ensurepip.
named=${*:+ as $*}
if [ $# -eq 0 ]; then
    set -- python3.11 python3.12 python3.13 python3.14 python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4].*/bin/python3
fi
for python; do
    if "$python" -c 'import ensurepip, sqlite3, ssl, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
        >/dev/null 2>&1; then
        echo "$python"
        exit
    fi
done
echo "No Python 3.11 to 3.14 with venv was found$named: install Python 3.13 (Debian, Ubuntu: with python3-venv)," \
    "or name yours: make PYTHON=/path/to/python" >&2
exit 1
