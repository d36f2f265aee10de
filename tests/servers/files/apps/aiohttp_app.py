"""Serves a folder by aiohttp, and compresses text."""

import sys

from aiohttp import web

folder, port = sys.argv[1:]


async def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Compress what is not a file of its own: a FileResponse sends files as they are."""
    if response.content_type == "text/plain":
        response.enable_compression()


app = web.Application()
app.on_response_prepare.append(compress)
app.router.add_static("/", folder)
web.run_app(app, host="127.0.0.1", port=int(port), print=None)
