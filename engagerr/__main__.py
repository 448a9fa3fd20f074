"""`python -m engagerr` and the `engagerr` script: the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line with `sys.argv` and exit with its code."""
    # Answered before the command line is even imported: scripts and bug reports ask for nothing else so often.
    if sys.argv[1:] in (["--version"], ["-V"]):
        from engagerr import __version__

        print(f"engagerr {__version__}")
        return
    try:
        from engagerr.cli.main import run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
