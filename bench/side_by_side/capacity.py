"""How much there is of what all contestants share, so that it is not what is measured: calls a second of provider and database."""

import json
import os
import re
import shutil
import subprocess
import sys

from .cells import SEARCH
from .contestants import PEERS, environment
from .measure import Bench

CONNECTIONS = 16
SIGNED = (
    "authorization: AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000"
)


def of(bench: Bench) -> list[dict]:
    """Each call: how many of it a second, and what one takes of the rig's processor time."""
    chat = {"model": "test-model", "messages": [{"role": "user", "content": "Why?"}]}
    model = bench.addresses["model_at_once"]
    measured = [
        row("a whole answer of the model", bench, model + "/chat/completions", chat),
        row("a streamed answer of the model", bench, model + "/chat/completions", chat | {"stream": True}),
        row("an embedding", bench, model + "/embeddings", {"model": "m", "input": "Why?", "dimensions": 512}),
    ]
    for operation, body in database_calls(bench):
        headers = ["--header", f"x-amz-target: DynamoDB_20120810.{operation}", "--header", SIGNED]
        headers += ["--header", "x-amz-date: 20260101T000000Z"]
        measured.append(row(operation, bench, bench.addresses["database"], body, *headers))
    return measured


def row(name: str, bench: Bench, url: str, body: dict, *options: str) -> dict:
    result = bench.run([bench.rig.pid], url, json.dumps(body), CONNECTIONS, *options)
    completed = max(result["completed"], 1)
    return {
        "call": name,
        "per_second": result["completed"] / result["seconds"],
        "wrong": result["wrong"],
        "rig_cpu_ms": 1000 * result["cpu"][0] / completed,
        "load_cpu_ms": 1000 * result["cpu"][1] / completed,
    }


def database_calls(bench: Bench) -> list[tuple[str, dict]]:
    """What the peers call, with one caller's key."""
    os.environ |= environment(bench.addresses)
    sys.path.insert(0, str(PEERS))
    import work

    key = work.key(bench.addresses["keys"][0])
    record = work.Record("POST /ask", key.caller)
    return [
        ("UpdateItem", work.admit(key, "ask")),
        ("PutItem", record.ended()),
        ("SearchVectors", work.nearest(key.caller, SEARCH["embedding"], 5)),
    ]


def by_wrk(bench: Bench) -> float | None:
    """Embeddings a second as wrk finds them, where it is installed: to check the load generator against one that others wrote."""
    if shutil.which("wrk") is None:
        return None
    script = bench.work / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
        'wrk.body = \'{"model":"m","input":"Why?","dimensions":512}\'\n'
    )
    url = bench.addresses["model_at_once"] + "/embeddings"
    seconds = str(max(1, round(bench.length.measured)))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", script, url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    return float(found[1]) if found else None
