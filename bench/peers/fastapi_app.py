"""The API's four routes in FastAPI, as its documentation would have them: async all through, clients made once, Pydantic models as
arguments and answers, callers as a dependency."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse

import work
from contract import Analysis, AnalysisRequest, Answer, AskRequest, Draft, Hit, SearchReply, SearchRequest


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=1000)
    models = httpx.AsyncClient(
        base_url=work.MODEL_URL, headers=work.MODEL_HEADERS, timeout=work.MODEL_TIMEOUT_SECS, limits=limits
    )
    database = get_session().create_client("dynamodb", config=AioConfig(max_pool_connections=1000), **work.DYNAMODB)
    async with models as app.state.models, database as app.state.database:
        yield


app = FastAPI(lifespan=lifespan)


def caller_with(scope: str) -> Callable[..., Awaitable[str]]:
    async def caller(x_api_key: Annotated[str | None, Header()] = None) -> str:
        try:
            key = work.key(x_api_key)
            await app.state.database.update_item(**work.admit(key, scope))
        except (work.Unauthorized, app.state.database.exceptions.ConditionalCheckFailedException):
            raise HTTPException(401, "The API key is not valid.") from None
        except ClientError:
            raise HTTPException(503, "Callers cannot be looked up.") from None
        return key.caller

    return caller


@app.post("/analyse")
async def analyse(request: AnalysisRequest, caller: Annotated[str, Depends(caller_with("analyse"))]) -> Analysis:
    record = work.Record("POST /analyse", caller, request.text)
    async with recorded(record):
        answer = await ask_model(record, "chat/completions", work.analysis(request))
        draft = Draft.model_validate_json(answer["choices"][0]["message"]["content"])
        return Analysis(**dict(draft), model=work.MODEL, usage=record.usage, request_id=record.id)


@app.post("/analyse/stream")
async def analyse_stream(
    request: AnalysisRequest, caller: Annotated[str, Depends(caller_with("analyse"))]
) -> StreamingResponse:
    record = work.Record("POST /analyse/stream", caller, request.text)
    # The status waits for the model's first token.
    events = streamed(record, work.analysis(request, stream=True))
    first = await anext(events)
    return StreamingResponse(resumed(first, events), media_type="text/event-stream")


@app.post("/search")
async def search(request: SearchRequest, caller: Annotated[str, Depends(caller_with("search"))]) -> SearchReply:
    record = work.Record("POST /search", caller, request.query or "")
    async with recorded(record, has_start=False):
        vector = request.embedding or await embed(record, request.query)
        hits = await find(caller, vector, request.top_k, request.min_score)
        return SearchReply(hits=hits, model=work.EMBEDDING_MODEL, usage=record.usage, request_id=record.id)


@app.post("/ask")
async def ask(request: AskRequest, caller: Annotated[str, Depends(caller_with("ask"))]) -> Answer:
    record = work.Record("POST /ask", caller, request.question)
    async with recorded(record):
        vector = await embed(record, request.question)
        sources = work.sources(await find(caller, vector, request.top_k, request.min_score))
        completion = await ask_model(record, "chat/completions", work.question(request, sources))
        choice = completion["choices"][0]
        text, citations, invented = work.cited(choice["message"]["content"], sources)
        return Answer(
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


@asynccontextmanager
async def recorded(record: work.Record, has_start: bool = True) -> AsyncIterator[None]:
    """Writes the record beside what is done, unless it is short, and again at the end, with what the request cost."""
    starting = asyncio.create_task(app.state.database.put_item(**record.started())) if has_start else None
    status = 500
    try:
        yield
        status = 200
    except httpx.HTTPError:
        status = 502
        raise HTTPException(status, "The model did not answer.") from None
    finally:
        if starting:
            await starting
        database = app.state.database
        await asyncio.gather(
            database.put_item(**record.ended(status)),
            database.update_item(**work.settle(record.caller, record.usage)),
        )


async def ask_model(record: work.Record, path: str, body: work.Item) -> work.Item:
    response = await app.state.models.post(path, json=body)
    response.raise_for_status()
    answer = response.json()
    record.used(answer.get("usage"))
    return answer


async def embed(record: work.Record, question: str) -> list[float]:
    answer = await ask_model(record, "embeddings", work.embedding(question))
    return answer["data"][0]["embedding"]


async def find(caller: str, vector: list[float], top_k: int, min_score: float) -> list[Hit]:
    database = app.state.database
    found = (await database.search_vectors(**work.nearest(caller, vector, top_k)))["SearchResults"]
    if not found:
        return []
    read = await database.batch_get_item(**work.documents_of(caller, found))
    return work.hits(found, read["Responses"][work.DOCUMENTS], top_k, min_score)


async def streamed(record: work.Record, body: work.Item) -> AsyncIterator[str]:
    """Events of what the model writes."""
    async with recorded(record):
        async with app.state.models.stream("POST", "chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                chunk = json.loads(line[6:])
                record.used(chunk.get("usage"))
                for choice in chunk["choices"]:
                    if text := choice["delta"].get("content"):
                        yield event("delta", {"text": text})
    yield event("done", {"model": work.MODEL, "usage": record.usage.model_dump(), "request_id": record.id})


async def resumed(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for event in rest:
        yield event


def event(name: str, data: work.Item) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
