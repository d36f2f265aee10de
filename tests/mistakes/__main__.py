"""
Print each mistake and what the library says to it.

    python tests/mistakes            with httpx
    python tests/mistakes httpx2
"""

from __future__ import annotations

import sys
from pathlib import Path

# This folder is a package, also if it is run as a program.
sys.path[0] = str(Path(__file__).parent.parent)


def main() -> None:
    from mistakes.catalogue import MISTAKES
    from mistakes.mistake import message

    library = sys.argv[1] if len(sys.argv) > 1 else "httpx"
    for title, mistakes in MISTAKES.items():
        print(f"\n# {title}\n")
        for each in mistakes:
            error = each.made(library)
            told = "nothing" if error is None else message(error)
            print(f"{each.code}\n    {type(error).__name__}: {told}")


if __name__ == "__main__":
    main()
