"""
Runs the matrix of SDKs, each in an environment with its newest release.

    python3 tests/sdks                 every row
    python3 tests/sdks openai groq     these rows
    python3 tests/sdks --write         every row, and write the results

It needs Python and pip only. What a row installs stands in `requirements/<row>.txt`.
Rows that cannot be installed together get environments of their own. The exit code is 0
if every scenario ends as in `results.json`, which the tables of docs/sdks.md are made from.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from installing import Installer, installer
from matrix import ROWS, Row
from tables import (
    PAGE,
    RESULTS,
    ROOT,
    Results,
    in_page,
    outcomes,
    read_results,
    render,
    requirements,
)

ONLY_LOOPBACK = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
"""Turns off what no argument turns off: connections to anything but loopback."""

AT_ONCE = 4
"""How many rows run at a time: they mostly wait, between attempts."""

COMMON = Path(__file__).with_name("requirements.txt")
"""The requirements of every environment."""


def main() -> int:
    options = arguments()
    rows = [row for row in ROWS if row.name in options.rows or not options.rows]
    found: Results = {}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(options.environments or temporary)
        installs = installer(Path(temporary, "uv"))
        by_environment = sorted(rows, key=lambda row: row.environment)
        for name, group in groupby(by_environment, lambda row: row.environment):
            python = environment(place / name.replace(" ", "-"), installs)
            found |= run(list(group), python, installs)
    if options.write:
        write(read_results() | found)
    return report(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 tests/sdks")
    parser.add_argument("rows", nargs="*", help="rows to run; default: all")
    parser.add_argument(
        "--write", action="store_true", help="write results and docs/sdks.md"
    )
    parser.add_argument(
        "--environments", help="a folder for the environments, to reuse them"
    )
    options = parser.parse_args()
    if unknown := sorted(set(options.rows) - {row.name for row in ROWS}):
        known = ", ".join(row.name for row in ROWS)
        parser.error(f"no row {', '.join(unknown)}: there are {known}")
    return options


def environment(folder: Path, installs: Installer) -> Path:
    """Make a virtual environment, if there is not yet one, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"=== environment: {folder.name}", flush=True)
        installs.create(folder)
    installs.install(python, "-e", ROOT, "-r", COMMON)
    return python


def run(rows: list[Row], python: Path, installs: Installer) -> Results:
    print(f"=== install: {', '.join(row.name for row in rows)}", flush=True)
    installs.newest(python, [requirements(row) for row in rows])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = pool.map(lambda row: scenarios(row, python), rows)
        return {row.name: found for row, found in zip(rows, outcomes, strict=True)}


def scenarios(row: Row, python: Path) -> dict[str, str]:
    """Run the scenarios of a row, print what pytest prints, and return the outcomes."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as results:
        done = subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", "--confcutdir=tests/sdks",
             "--results", results.name, "--row", row.name, "tests/sdks"],
            cwd=ROOT, check=False, env={**os.environ, **ONLY_LOOPBACK},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        print(f"=== run: {row.name}\n{done.stdout}", flush=True)
        # Empty if pytest failed before it could write.
        found: Results = json.loads(results.read() or "{}")
    return {"version": version(row, python), **found.get(row.name, {})}


def version(row: Row, python: Path) -> str:
    code = f"import importlib.metadata as m; print(m.version({row.package!r}))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def write(results: Results) -> None:
    """Write in the order of the matrix, so that a diff shows changes only."""
    ordered = {row.name: results[row.name] for row in ROWS if row.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=2) + "\n")
    PAGE.write_text(in_page(PAGE.read_text(), render(ordered)))


def report(found: Results) -> int:
    """Print every outcome that differs from `results.json`; return the exit code."""
    known = read_results()
    changed = 0
    for row in ROWS:
        if row.name not in found:
            continue
        old, new = outcomes(known.get(row.name, {})), outcomes(found[row.name])
        for scenario in row.scenarios():
            if old.get(scenario) != new.get(scenario, "not run"):
                changed += 1
                print(f"{row.name}, {scenario}: {new.get(scenario, 'not run')}, "
                      f"the page says {old.get(scenario, 'not run')}")  # fmt: skip
        versions = known.get(row.name, {}).get("version"), found[row.name]["version"]
        if versions[0] != versions[1]:
            print(f"{row.name}: the page shows {versions[0]}, this was {versions[1]}")
    failed = sum(
        outcome != "passed"
        for row in found.values()
        for outcome in outcomes(row).values()
    )
    passed = sum(len(outcomes(row)) for row in found.values()) - failed
    print(f"matrix: {len(found)} SDKs, {passed} passed, {failed} failed")
    if changed:
        print("if this is right, record it: python3 tests/sdks --write")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
