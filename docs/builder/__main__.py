"""
Build the documentation site, or write the generated tables into its pages.

    python docs/builder           build the site: open site/html/index.html
    python docs/builder --write   make the tables of options, events and metrics

It needs `requirements/docs.txt`. A warning, a broken link or anchor, a missing picture,
and an asset that is loaded from elsewhere are errors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import generated
import places
import source
import verify

SITE = places.ROOT / "site"


def build() -> None:
    """Build the site; exit with a message if something is wrong."""
    shutil.rmtree(SITE, ignore_errors=True)
    source.write(SITE / "source")
    subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=places.ROOT,
        env={**os.environ, "PYTHONPATH": str(places.ROOT)},
        check=True,
    )
    source.write_markdown(SITE / "html")
    if wrong := list(verify.problems(SITE / "html")):
        sys.exit("\n".join(wrong))


if sys.argv[1:] == ["--write"]:
    for page in places.pages():
        page.write_text(generated.with_tables(page))
else:
    build()
