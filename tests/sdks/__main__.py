"""
Runs the matrix of SDKs, each in an environment with its newest release.

    python3 tests/sdks                 every row
    python3 tests/sdks openai groq     these rows
    python3 tests/sdks --write         every row, and write down what came of it

It needs Python, pip, and nothing else. Rows that cannot live together get environments
of their own. The exit code is 0 if every scenario came out as `results.json` says, which
the README's tables are made from.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from itertools import groupby
from pathlib import Path

from matrix import ROWS, Row
from tables import (
    README,
    RESULTS,
    ROOT,
    Results,
    in_readme,
    outcomes,
    read_results,
    render,
)

ONLY_LOOPBACK = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
"""For what no argument turns off: nothing else is to be asked for anything."""

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


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
    parser.add_argument("rows", nargs="*", help="rows to run; all, if none is named")
    parser.add_argument("--write", action="store_true", help="write results and README")
    parser.add_argument("--environments", help="a folder that keeps the environments")
    options = parser.parse_args()
    if unknown := sorted(set(options.rows) - {row.name for row in ROWS}):
        known = ", ".join(row.name for row in ROWS)
        parser.error(f"no row {', '.join(unknown)}: there are {known}")
    return options


def environment(folder: Path) -> Path:
    """Make a virtual environment, if it is not there yet, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"=== environment: {folder.name}", flush=True)
        venv.create(folder, with_pip=True)
    subprocess.run([python, *PIP, "install", "-e", f"{ROOT}[matrix]"], check=True)
    return python


def run(rows: list[Row], python: Path) -> Results:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for row in rows:
        print(f"=== install: {row.name}", flush=True)
        # One by one: a resolver that is given all of them at once takes many minutes.
        install = [python, *PIP, "install", "--upgrade", *extras[row.name]]
        subprocess.run(install, check=True)
    subprocess.run([python, *PIP, "check"], check=True)
    with tempfile.NamedTemporaryFile("r", suffix=".json") as results:
        names = [part for row in rows for part in ("--row", row.name)]
        subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", "--confcutdir=tests/sdks",
             "--results", results.name, *names, "tests/sdks"],
            cwd=ROOT, check=False, env={**os.environ, **ONLY_LOOPBACK},
        )  # fmt: skip
        # Nothing, if it broke down before it could write.
        found: Results = json.loads(results.read() or "{}")
    return {
        row.name: {"version": version(row, python), **found.get(row.name, {})}
        for row in rows
    }


def version(row: Row, python: Path) -> str:
    code = f"import importlib.metadata as m; print(m.version({row.package!r}))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def write(results: Results) -> None:
    """In the order of the matrix, so that a change shows as a change."""
    ordered = {row.name: results[row.name] for row in ROWS if row.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=2) + "\n")
    README.write_text(in_readme(README.read_text(), render(ordered)))


def report(found: Results) -> int:
    """Say what came out otherwise than `results.json` has it."""
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
                      f"the README says {old.get(scenario, 'not run')}")  # fmt: skip
        versions = known.get(row.name, {}).get("version"), found[row.name]["version"]
        if versions[0] != versions[1]:
            print(
                f"{row.name}: the README tells of {versions[0]}, this was {versions[1]}"
            )
    failed = sum(
        outcome != "passed"
        for row in found.values()
        for outcome in outcomes(row).values()
    )
    passed = sum(len(outcomes(row)) for row in found.values()) - failed
    print(f"matrix: {len(found)} SDKs, {passed} passed, {failed} failed")
    if changed:
        print("if this is right, write it down: python3 tests/sdks --write")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
