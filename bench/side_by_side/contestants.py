"""Who is measured, and how each is started. All are told of the same provider, database and keys by the same variables."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .cells import Cell

PEERS = Path(__file__).parents[1] / "peers"
DOCUMENT = Path(__file__).parents[2] / "openapi.json"
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Contestant:
    name: str
    label: str
    command: Callable[[int], list[str]]
    """Its command line, of the port that it is to listen on."""
    serves: frozenset[str] = frozenset({"/analyse", "/analyse/stream", "/search", "/ask"})
    """The paths that it has."""
    most: int = 500
    """The most callers at once that it is asked by."""
    is_kept: bool = False
    """Whether it is started once and stopped between its turns, because it takes long to start."""

    is_variant: bool = False
    """Whether it is another one's application, arranged differently: it is measured by `/ask` alone, and a smoke run leaves it out."""

    def serves_it(self, cell: Cell) -> bool:
        return cell.path in self.serves

    def enters(self, cell: Cell) -> bool:
        return self.serves_it(cell) and cell.connections <= self.most and not (self.is_variant and cell.name != "ask")


def uvicorn(workers: int) -> Callable[[int], list[str]]:
    return lambda port: [
        *python("uvicorn"), "fastapi_app:app", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip


def gunicorn(*arguments: str) -> Callable[[int], list[str]]:
    return lambda port: [
        *python("gunicorn"), "flask_app:app", "--bind", f"127.0.0.1:{port}", "--timeout", "120", "--backlog", "2048",
        "--log-level", "warning", *arguments,
    ]  # fmt: skip


def python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def litellm(program: Path) -> Callable[[int], list[str]]:
    """LiteLLM's proxy, which is itself an application of FastAPI; as its documentation has it for production, one worker a process."""
    config = str(PEERS / "litellm.yaml")
    return lambda port: [str(program), "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]


def contestants(ours: Path, data: Path, proxy: Path) -> list[Contestant]:
    """All, ours first. `ours` is the binary, `data` a folder for what it keeps, `proxy` LiteLLM's, if it is there."""
    lambent = Contestant(
        "lambent",
        "Lambent",
        lambda port: [str(ours), "dev", "--port", str(port), "--data", str(data)],
        frozenset(json.loads(DOCUMENT.read_text())["paths"]),
    )
    further = [Contestant("litellm", "LiteLLM's proxy, 1 worker", litellm(proxy), frozenset({"/v1/chat/completions"}), is_kept=True)]
    return [
        lambent,
        Contestant("fastapi-1", "FastAPI, 1 worker", uvicorn(1)),
        Contestant("fastapi-n", f"FastAPI, {CORES} workers", uvicorn(CORES), is_variant=True),
        Contestant("flask-sync", "Flask, 4 sync workers", gunicorn("--worker-class", "sync", "--workers", "4"), most=100, is_variant=True),
        Contestant(
            "flask-threads",
            f"Flask, {CORES} × 64 threads",
            gunicorn("--worker-class", "gthread", "--workers", str(CORES), "--threads", "64", "--keep-alive", "75"),
        ),
        *(further if proxy.exists() else []),
    ]


def environment(addresses: dict) -> dict[str, str]:
    """The variables of all contestants. Those of this process are not passed on, but for where programs and locales are."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "HOME") if name in os.environ}
    return kept | {
        "LAMBENT_MODEL": "openai::test-model",
        "LAMBENT_MODEL_URL": addresses["model"],
        "LAMBENT_MODEL_KEY": "none",
        "LAMBENT_MODEL_PRICE": "1.00/5.00",
        "LAMBENT_EMBEDDING_MODEL": "openai::text-embedding-3-small",
        "LAMBENT_EMBEDDING_URL": addresses["model"],
        "LAMBENT_EMBEDDING_KEY": "none",
        "LAMBENT_EMBEDDING_PRICE": "0.02",
        "LAMBENT_REQUESTS_TABLE": "requests",
        "LAMBENT_CALLERS_TABLE": "callers",
        "LAMBENT_JOBS_TABLE": "jobs",
        "LAMBENT_DOCUMENTS_TABLE": "documents",
        "LAMBENT_WEBHOOKS_TABLE": "webhooks",
        "LAMBENT_CONVERSATIONS_TABLE": "conversations",
        "LAMBENT_KEY_PEPPER": addresses["pepper"],
        "AWS_REGION": "local",
        "AWS_ENDPOINT_URL_DYNAMODB": addresses["database"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "PYTHONPATH": str(PEERS),
        "PYTHONDONTWRITEBYTECODE": "",
    }
