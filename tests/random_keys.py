"""
How many random keys look like a name, and would be shown: the table of docs/secrets.md.

    python tests/random_keys.py
"""

from __future__ import annotations

import random
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

from httpx_resilient._core.tokens import looks_like_token

ALPHABETS = {
    "upper and lower case, digits": ascii_letters + digits,
    "the same, `-` and `_`": ascii_letters + digits + "-_",
    "lower case, digits": ascii_lowercase + digits,
    "base32: upper case, 2 to 7": ascii_uppercase + "234567",
}
LENGTHS = 16, 20, 24, 32
KEYS = 20_000


def share_shown(alphabet: str, length: int, dice: random.Random) -> float:
    """Return the share of random keys that do not look like a token."""
    keys = ("".join(dice.choices(alphabet, k=length)) for _ in range(KEYS))
    return sum(not looks_like_token(key) for key in keys) / KEYS


def main() -> None:
    dice = random.Random(1)
    for name, alphabet in ALPHABETS.items():
        shares = [share_shown(alphabet, length, dice) for length in LENGTHS]
        print(name, *(f"{share:.2%}" for share in shares), sep=" | ")


if __name__ == "__main__":
    main()
