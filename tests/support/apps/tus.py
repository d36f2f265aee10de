"""Servers of tus from PyPI. Usage: python tus.py NAME PORT FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def tuspyserver(folder: Path) -> Any:
    from fastapi import FastAPI
    from tuspyserver import create_tus_router

    app = FastAPI()
    app.include_router(create_tus_router(prefix="files", files_dir=str(folder)))
    return app


def tussi(folder: Path) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from tussi import FilesystemStorage, TUSApp

    app = TUSApp(
        FilesystemStorage(folder / "uploads", fsync=False), folder / "completed"
    )
    return Starlette(routes=[Mount("/files", app)])


def resumable_upload(port: int, folder: Path) -> None:
    from http.server import ThreadingHTTPServer

    from resumable_upload import SQLiteStorage, TusHTTPRequestHandler, TusServer

    storage = SQLiteStorage(str(folder / "uploads.db"), str(folder))

    class Handler(TusHTTPRequestHandler):
        tus_server = TusServer(storage, "/files")

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main(name: str, port: int, folder: Path) -> None:
    if name == "resumable_upload":
        return resumable_upload(port, folder)
    import uvicorn

    app = {"tuspyserver": tuspyserver, "tussi": tussi}[name](folder)
    return uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
