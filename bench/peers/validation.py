"""How many bodies of `POST /search` a second of a processor validates, in FastAPI and in Flask: request in memory, routing, Pydantic, and the
answer. `bench/validation` is the same in Rust.

python validation.py fastapi|flask BODY STATUS SECONDS
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from fastapi import FastAPI
from flask import Flask, Response, jsonify, request
from pydantic import ValidationError

from contract import SearchRequest


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.post("/", status_code=204)
    async def accept(request: SearchRequest) -> None:
        return None

    return app


def flask_app() -> Flask:
    app = Flask(__name__)

    @app.post("/")
    def accept() -> tuple[Response | str, int]:
        try:
            SearchRequest.model_validate_json(request.get_data())
        except ValidationError as error:
            return jsonify(detail=error.errors(include_url=False, include_context=False, include_input=False)), 422
        return "", 204

    return app


async def by_asgi(body: bytes, wanted: int, seconds: float) -> float:
    app = fastapi_app()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/", "raw_path": b"/", "root_path": "", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def ask() -> None:
        await app(dict(scope), receive, send)
        check(statuses.pop(), wanted)

    await ask()
    processor, began, count = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        await ask()
        count += 1
    return count / (time.process_time() - processor)


def by_wsgi(body: bytes, wanted: int, seconds: float) -> float:
    app = flask_app()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    statuses: list[int] = []

    def start_response(status: str, *_: object) -> Callable[[bytes], None]:
        statuses.append(int(status.split()[0]))
        return lambda _: None

    def ask() -> None:
        b"".join(app(environ | {"wsgi.input": io.BytesIO(body)}, start_response))
        check(statuses.pop(), wanted)

    ask()
    processor, began, count = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        ask()
        count += 1
    return count / (time.process_time() - processor)


def check(status: int, wanted: int) -> None:
    if status != wanted:
        raise SystemExit(f"answered {status}, not {wanted}")


def main() -> None:
    framework, file, status, seconds = sys.argv[1:]
    body = Path(file).read_bytes()
    if framework == "flask":
        rate = by_wsgi(body, int(status), float(seconds))
    else:
        rate = uvloop.run(by_asgi(body, int(status), float(seconds)))
    print(json.dumps({"per_cpu_second": rate}))


if __name__ == "__main__":
    main()
