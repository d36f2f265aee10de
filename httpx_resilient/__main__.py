"""The entry point of `python -m httpx_resilient`."""

from __future__ import annotations

from httpx_resilient._cli import main

if __name__ == "__main__":
    main()
