"""Runs the command line: `./usance`, `python -m console`."""

import sys

from console.cli import main

sys.exit(main(sys.argv[1:]))
