# Sourced by setup, demo, test and check: where we are, which swift, which python.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

# A crashed test must end: the backtracer outlives its parent and holds the pipe.
export SWIFT_BACKTRACE=enable=no
export PYTHONDONTWRITEBYTECODE=1

# A toolchain that is installed but not on PATH, in the places where installers put it.
if ! command -v swift >/dev/null 2>&1; then
    for folder in "${SWIFTLY_BIN_DIR:-$HOME/.local/share/swiftly/bin}" /opt/swift/usr/bin \
        /usr/local/swift/usr/bin /usr/lib/swift/bin; do
        if [ -x "$folder/swift" ]; then
            PATH="$folder:$PATH"
            break
        fi
    done
fi

# Debian's own python3 sees the packages that apt installed; another one on PATH may not.
PYTHON=python3
[ -x /usr/bin/python3 ] && PYTHON=/usr/bin/python3
