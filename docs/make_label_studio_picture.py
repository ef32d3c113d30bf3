"""Take the picture of Label Studio's annotation page in docs/images, in a real headless browser.

    python docs/make_label_studio_picture.py RECIPE [--root ROOT] [--output docs/images/label-studio.png]

This needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`), the server that
`make test-label-studio` installs, and a campaign whose query waits for labels and shows predictions.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from PIL import Image

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from browser import Page, running_browser, shoot  # noqa: E402

from pipelines.annotate.label_studio.connection import TOKEN, connect  # noqa: E402
from pipelines.annotate.label_studio.exchange import push  # noqa: E402
from pipelines.options import Chosen  # noqa: E402
from tests.support.label_studio_server import EMAIL, PASSWORD, running_server  # noqa: E402

_OF_ONE_HOP = {"connection", "transfer-encoding", "content-encoding", "content-length", "date"}


def main() -> None:
    """Start a server, push the campaign's query, and open the first task as an annotator does."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--root")
    parser.add_argument("--output", type=Path, default=DOCS / "images" / "label-studio.png")
    args = parser.parse_args()
    _, root = Chosen(args.recipe, args.root).open()
    with tempfile.TemporaryDirectory() as data, running_server(Path(data)) as server:
        os.environ[TOKEN] = server.token
        page = push(root, connect(server.url)).url.removeprefix(server.url)
        with signed_in(server.url) as address, running_browser() as browser:
            png = shoot(browser, Page(f"{address}{page}?labeling=1", ("road",), drawn="canvas"))
    with Image.open(io.BytesIO(png)) as picture:  # a third of the size; no dither, for flat colours
        small = picture.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE)
    small.save(args.output, optimize=True)
    print(f"Wrote {args.output}")


@contextmanager
def signed_in(url: str) -> Iterator[str]:
    """Yield the address of a proxy that adds a session's cookies, so that the browser is signed in."""
    session = requests.Session()
    form = {"email": EMAIL, "password": PASSWORD}
    session.get(f"{url}/user/login/", timeout=60)
    form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
    session.post(f"{url}/user/login/", data=form, timeout=60).raise_for_status()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers) | {"Cookie": cookies, "Accept-Encoding": "identity"}
            answer = requests.request(
                self.command, url + self.path, data=body, headers=headers, timeout=300
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _OF_ONE_HOP | {"set-cookie"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}"
    finally:
        proxy.shutdown()


if __name__ == "__main__":
    main()
