"""`python -m engine.worker`: see engine/protocol/README.md."""

from __future__ import annotations

import sys

from engine.worker.serve import main

if __name__ == "__main__":
    sys.exit(main())
