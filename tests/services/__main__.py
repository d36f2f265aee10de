"""
Write the page of services.

    python3 tests/services --write
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.page import PATH, render

if sys.argv[1:] == ["--write"]:
    PATH.write_text(render())
else:
    sys.stdout.write(render())
