"""The API's four routes in Flask: one thread a request, clients made once a process, Pydantic for bodies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Callable, TypeVar

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError
from flask import Flask, Response, g, jsonify, request, stream_with_context
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException

import work
from contract import Analysis, AnalysisRequest, Answer, AskRequest, Draft, Hit, SearchReply, SearchRequest

CONNECTIONS = 200
Model = TypeVar("Model", bound=BaseModel)

app = Flask(__name__)
models = httpx.Client(
    base_url=work.MODEL_URL,
    headers=work.MODEL_HEADERS,
    timeout=work.MODEL_TIMEOUT_SECS,
    limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
)
database = boto3.client("dynamodb", config=Config(max_pool_connections=CONNECTIONS), **work.DYNAMODB)


@app.errorhandler(ValidationError)
def invalid(error: ValidationError) -> tuple[Response, int]:
    return jsonify(detail=error.errors(include_url=False, include_context=False, include_input=False)), 422


@app.errorhandler(HTTPException)
def refused(error: HTTPException) -> tuple[Response, int]:
    return jsonify(detail=error.description), error.code or 500


@app.errorhandler(httpx.HTTPError)
def unanswered(_: httpx.HTTPError) -> tuple[Response, int]:
    return jsonify(detail="The model did not answer."), 502


def for_callers_with(scope: str) -> Callable[..., Any]:
    def guarded(view: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(view)
        def admitted() -> Any:
            try:
                key = work.key(request.headers.get("x-api-key"))
                database.update_item(**work.admit(key, scope))
            except (work.Unauthorized, database.exceptions.ConditionalCheckFailedException):
                return jsonify(detail="The API key is not valid."), 401
            except ClientError:
                return jsonify(detail="Callers cannot be looked up."), 503
            g.caller = key.caller
            return view()

        return admitted

    return guarded


def body(model: type[Model]) -> Model:
    if not request.is_json:
        raise BadRequest("The body is not JSON.")
    return model.model_validate_json(request.get_data())


@app.post("/analyse")
@for_callers_with("analyse")
def analyse() -> Response:
    asked = body(AnalysisRequest)
    record = work.Record("POST /analyse", g.caller, asked.text)
    with recorded(record):
        answer = ask_model(record, "chat/completions", work.analysis(asked))
        draft = Draft.model_validate_json(answer["choices"][0]["message"]["content"])
        return reply(Analysis(**dict(draft), model=work.MODEL, usage=record.usage, request_id=record.id))


@app.post("/analyse/stream")
@for_callers_with("analyse")
def analyse_stream() -> Response:
    asked = body(AnalysisRequest)
    record = work.Record("POST /analyse/stream", g.caller, asked.text)
    # The status waits for the model's first token.
    events = streamed(record, work.analysis(asked, stream=True))
    first = next(events)
    return Response(stream_with_context(resumed(first, events)), mimetype="text/event-stream")


@app.post("/search")
@for_callers_with("search")
def search() -> Response:
    asked = body(SearchRequest)
    record = work.Record("POST /search", g.caller, asked.query or "")
    with recorded(record, has_start=False):
        vector = asked.embedding or embed(record, asked.query)
        hits = find(g.caller, vector, asked.top_k, asked.min_score)
        return reply(SearchReply(hits=hits, model=work.EMBEDDING_MODEL, usage=record.usage, request_id=record.id))


@app.post("/ask")
@for_callers_with("ask")
def ask() -> Response:
    asked = body(AskRequest)
    record = work.Record("POST /ask", g.caller, asked.question)
    with recorded(record):
        vector = embed(record, asked.question)
        sources = work.sources(find(g.caller, vector, asked.top_k, asked.min_score))
        completion = ask_model(record, "chat/completions", work.question(asked, sources))
        choice = completion["choices"][0]
        text, citations, invented = work.cited(choice["message"]["content"], sources)
        answer = Answer(
            answer=text,
            grounded=bool(citations),
            citations=citations,
            invented_citations=invented,
            finish_reason=choice["finish_reason"],
            sources=sources,
            model=work.MODEL,
            usage=record.usage,
            request_id=record.id,
        )
        return reply(answer)


@contextmanager
def recorded(record: work.Record, has_start: bool = True) -> Iterator[None]:
    """Writes the record before what is done, unless it is short, and again at the end, with what the request cost."""
    if has_start:
        database.put_item(**record.started())
    status = 500
    try:
        yield
        status = 200
    except httpx.HTTPError:
        status = 502
        raise
    finally:
        database.put_item(**record.ended(status))
        database.update_item(**work.settle(record.caller, record.usage))


def ask_model(record: work.Record, path: str, body: work.Item) -> work.Item:
    response = models.post(path, json=body)
    response.raise_for_status()
    answer = response.json()
    record.used(answer.get("usage"))
    return answer


def embed(record: work.Record, question: str) -> list[float]:
    return ask_model(record, "embeddings", work.embedding(question))["data"][0]["embedding"]


def find(caller: str, vector: list[float], top_k: int, min_score: float) -> list[Hit]:
    found = database.search_vectors(**work.nearest(caller, vector, top_k))["SearchResults"]
    if not found:
        return []
    read = database.batch_get_item(**work.documents_of(caller, found))
    return work.hits(found, read["Responses"][work.DOCUMENTS], top_k, min_score)


def streamed(record: work.Record, body: work.Item) -> Iterator[str]:
    """Events of what the model writes."""
    with recorded(record):
        with models.stream("POST", "chat/completions", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                chunk = json.loads(line[6:])
                record.used(chunk.get("usage"))
                for choice in chunk["choices"]:
                    if text := choice["delta"].get("content"):
                        yield event("delta", {"text": text})
    yield event("done", {"model": work.MODEL, "usage": record.usage.model_dump(), "request_id": record.id})


def resumed(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def reply(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), mimetype="application/json")


def event(name: str, data: work.Item) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
