"""`python -m gsv_desktop [PROJECT]`."""

from __future__ import annotations

import sys

from gsv_desktop.app import main

if __name__ == "__main__":
    sys.exit(main())
