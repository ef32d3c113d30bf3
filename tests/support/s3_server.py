"""A real S3 server for tests: moto, as a process of its own, in memory, on a free port.

Each connection has a thread of its own, so that one that sends nothing delays no other, but requests
are answered one after the other. Moto's own command does not do that, and two conditional writes of
the same name may both succeed there: it looks first and writes then.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from tests.support.gcs_server import answers, free_port
from tests.support.waiting import running, wait_until

MANY, MANY_NAMES = "many", 1001  # one answer holds 1000 names


@contextmanager
def running_server(**environment: str) -> Iterator[str]:
    """Run a server until the end of the block; yield its address (http://127.0.0.1:port)."""
    port = free_port()
    command = [sys.executable, __file__, str(port)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(command, env={**os.environ, **environment}, **silent) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/moto-api/"), process)
        yield f"http://127.0.0.1:{port}"


def make_bucket(url: str, name: str) -> None:
    put(f"{url}/{name}", b"")


def put(url: str, data: bytes) -> None:
    """Store an object as any client may: the server does not check the signature."""
    request = urllib.request.Request(url, method="PUT", data=data)
    with urllib.request.urlopen(request, timeout=10):
        pass


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Point the S3 client at this address, with credentials that nobody has."""
    with mock.patch.dict(
        os.environ,
        {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test-key-id",
            "AWS_SECRET_ACCESS_KEY": "test-secret",
        },
    ):
        yield


def fill() -> None:
    """Make the bucket MANY; request by request that takes seconds."""
    from moto.s3.models import s3_backends

    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(MANY, "us-east-1")
    for number in range(MANY_NAMES):
        backend.put_object(MANY, f"pool/{number:05d}", b"x")


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """Answer one request after the other, each once all of it has arrived."""
    from werkzeug.wsgi import get_input_stream

    lock = threading.Lock()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = get_input_stream(environ).read()
        with lock:
            return list(application({**environ, "wsgi.input": io.BytesIO(body)}, start_response))

    return answer


def serve(port: int) -> None:
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple

    fill()
    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, application, request_handler=MotoRequestHandler, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
