"""What trials found, in a file between runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from servers.load import Outcome

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Cell:
    """What one client lost in one trial."""

    gets_lost: int
    posts_failed: int
    posts_unprocessed: int
    posts_twice: int
    gets_twice: int
    wrong: int
    down: float

    def __str__(self) -> str:
        posts = f"{self.posts_failed} ({self.posts_unprocessed})"
        return f"{self.gets_lost} / {posts} / {self.posts_twice}"

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        return cls(
            outcome.gets_lost,
            outcome.posts_failed,
            outcome.posts_unprocessed,
            outcome.twice("POST"),
            outcome.twice("GET"),
            outcome.wrong,
            round(outcome.down, 2),
        )


class Results:
    """Cells by server and protocol, action and client."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.versions: dict[str, str] = data.get("versions", {})
        self.date: str = data.get("date", "")
        self._rows: dict[str, dict[str, dict[str, Any]]] = data.get("rows", {})

    @classmethod
    def read(cls) -> Results:
        return cls(json.loads(FILE.read_text()) if FILE.exists() else {})

    def add(self, row: str, action: str, client: str, cell: Cell) -> None:
        self.date = datetime.now(UTC).date().isoformat()
        cells = self._rows.setdefault(row, {}).setdefault(action, {})
        cells[client] = asdict(cell)

    def cell(self, row: str, action: str, client: str) -> Cell | None:
        found = self._rows.get(row, {}).get(action, {}).get(client)
        return Cell(**found) if found else None

    def write(self) -> None:
        data = {"date": self.date, "versions": self.versions, "rows": self._rows}
        FILE.write_text(json.dumps(data, indent=1) + "\n")
