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
import venv
from itertools import groupby
from pathlib import Path

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

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
COMMON = Path(__file__).with_name("requirements.txt")
"""The requirements of every environment."""


def main() -> int:
    options = arguments()
    rows = [row for row in ROWS if row.name in options.rows or not options.rows]
    found: Results = {}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(options.environments or temporary)
        by_environment = sorted(rows, key=lambda row: row.environment)
        for name, group in groupby(by_environment, lambda row: row.environment):
            found |= run(list(group), environment(place / name.replace(" ", "-")))
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


def environment(folder: Path) -> Path:
    """Make a virtual environment, if there is not yet one, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"=== environment: {folder.name}", flush=True)
        venv.create(folder, with_pip=True)
    subprocess.run([python, *PIP, "install", "-e", ROOT, "-r", COMMON], check=True)
    return python


def run(rows: list[Row], python: Path) -> Results:
    for row in rows:
        print(f"=== install: {row.name}", flush=True)
        # One by one: a resolver that is given all of them at once takes many minutes.
        install = [python, *PIP, "install", "--upgrade", "-r", requirements(row)]
        subprocess.run(install, check=True)
    subprocess.run([python, *PIP, "check"], check=True)
    with tempfile.NamedTemporaryFile("r", suffix=".json") as results:
        names = [part for row in rows for part in ("--row", row.name)]
        subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", "--confcutdir=tests/sdks",
             "--results", results.name, *names, "tests/sdks"],
            cwd=ROOT, check=False, env={**os.environ, **ONLY_LOOPBACK},
        )  # fmt: skip
        # Empty if pytest failed before it could write.
        found: Results = json.loads(results.read() or "{}")
    return {
        row.name: {"version": version(row, python), **found.get(row.name, {})}
        for row in rows
    }


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
