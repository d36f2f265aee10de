"""Serves a folder by Starlette's StaticFiles, with its GZipMiddleware."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

folder, port = sys.argv[1:]
app = Starlette(
    routes=[Mount("/", StaticFiles(directory=folder))],
    middleware=[Middleware(GZipMiddleware)],
)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
