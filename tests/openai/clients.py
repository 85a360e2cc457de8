"""OpenAI's Python client, LangChain and LangGraph against a running API.

OPENAI_BASE_URL and OPENAI_API_KEY name it; LIMITED_KEY is a key of one request. The model behind it answers by what it is asked
(tests/tests/openai_clients.rs). Each check is a function of its own; the first that fails ends the script.
"""

import asyncio
import os
import sys

import openai
from langchain.agents import create_agent
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

MODEL = "test-model"
EMBEDDING = "text-embedding-3-small"
TEXT = "It leaves at 21:40."


def says(text):
    return [{"role": "user", "content": text}]


class Departure(BaseModel):
    place: str
    time: str


def chat(client):
    answer = client.chat.completions.create(model=MODEL, messages=says("plain"))
    assert answer.choices[0].message.content == TEXT, answer
    assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens == 5, answer
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=says("plain"))
    assert raw.headers["x-lambent-model"] == f"openai::{MODEL}"
    assert int(raw.headers["x-ratelimit-remaining-requests"]) > 0 and raw.headers["x-request-id"]
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def stream_with_usage(client):
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=says("plain"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == TEXT
    assert len({(c.id, c.model, c.created) for c in chunks}) == 1
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 4
    assert all(c.usage is None for c in chunks[:-1])


def stream_without_usage(client):
    with client.chat.completions.create(model=MODEL, messages=says("plain"), stream=True) as stream:
        chunks = list(stream)
    assert all(c.usage is None and c.choices for c in chunks)


def json_schema(client):
    parsed = client.chat.completions.parse(model=MODEL, messages=says("as asked"), response_format=Departure)
    assert isinstance(parsed.choices[0].message.parsed, Departure), parsed


def tool_calls(client):
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    answer = client.chat.completions.create(model=MODEL, messages=says("use a tool"), tools=[tool])
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "look" and answer.choices[0].finish_reason == "tool_calls", answer


def embeddings(client):
    two = client.embeddings.create(model=EMBEDDING, input=["night train", "invoice"], dimensions=64)
    assert [len(item.embedding) for item in two.data] == [64, 64] and two.usage.prompt_tokens == 3
    floats = client.embeddings.create(model=EMBEDDING, input="night train", dimensions=64, encoding_format="float")
    assert max(abs(a - b) for a, b in zip(floats.data[0].embedding, two.data[0].embedding)) < 1e-6


def models(client):
    assert [model.id for model in client.models.list()] == [MODEL, EMBEDDING]
    assert client.models.retrieve(MODEL).id == MODEL


def raises(kind, code, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind and error.code == code, (type(error), error.code, code)
        return error
    raise AssertionError(f"no {kind.__name__}")


def typed_errors(client):
    ask = lambda c=client, text="plain", model=MODEL, **more: c.with_options(max_retries=0).chat.completions.create(
        model=model, messages=says(text), **more
    )
    raises(openai.AuthenticationError, "invalid_api_key", lambda: ask(client.with_options(api_key="sk_wrong")))
    error = raises(openai.NotFoundError, "model_not_found", lambda: ask(model="gpt-99"))
    assert error.param == "model" and error.type == "invalid_request_error" and error.request_id
    raises(openai.NotFoundError, "model_not_found", lambda: client.models.retrieve("gpt-99"))
    error = raises(openai.BadRequestError, "invalid_type", lambda: ask(n="two"))
    assert error.param == "n"
    limited = client.with_options(api_key=os.environ["LIMITED_KEY"])
    ask(limited)
    error = raises(openai.RateLimitError, "rate_limit_exceeded", lambda: ask(limited))
    assert int(error.response.headers["retry-after"]) > 0
    error = raises(openai.InternalServerError, "model_failed", lambda: ask(text="status 500"))
    assert error.status_code == 502


def broken_stream(client):
    heard = []
    try:
        for chunk in client.chat.completions.create(model=MODEL, messages=says("cut"), stream=True):
            heard.append(chunk)
    except openai.APIError as error:
        assert error.code == "model_failed" and heard, error
        return
    raise AssertionError("a cut stream ended as if it were whole")


async def with_async_client():
    async with AsyncOpenAI() as client:
        answer = await client.chat.completions.create(model=MODEL, messages=says("plain"))
        assert answer.choices[0].message.content == TEXT
        stream = await client.chat.completions.create(model=MODEL, messages=says("plain"), stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == TEXT
        try:
            async for _ in await client.chat.completions.create(model=MODEL, messages=says("cut"), stream=True):
                pass
        except openai.APIError:
            return
        raise AssertionError("a cut stream ended as if it were whole")


def langchain():
    model = ChatOpenAI(model=MODEL, stream_usage=True)
    answer = model.invoke("plain")
    assert answer.content == TEXT and answer.usage_metadata["total_tokens"] == 5, answer
    chunks = list(model.stream("plain"))
    assert "".join(chunk.content for chunk in chunks) == TEXT
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["total_tokens"] == 5, whole
    structured = model.with_structured_output(Departure).invoke("as asked")
    assert isinstance(structured, Departure)

    def look(where: str) -> str:
        """Looks it up."""
        return where

    called = model.bind_tools([look]).invoke("use a tool")
    assert called.tool_calls[0]["name"] == "look", called


def langchain_embeddings():
    # Texts, not tokens of OpenAI's own vocabulary, which other models do not know.
    embeddings = OpenAIEmbeddings(model=EMBEDDING, check_embedding_ctx_length=False)
    store = InMemoryVectorStore(embeddings)
    store.add_texts(["The night train leaves at 21:40.", "The invoice was paid twice."])
    assert "train" in store.similarity_search("which train leaves", k=1)[0].page_content


def langgraph_agent():
    called = []

    def departure(station: str) -> str:
        """When the train leaves."""
        called.append(("departure", station))
        return "DEPARTS-2140"

    def price(train: str) -> str:
        """What a ticket costs."""
        called.append(("price", train))
        return "COSTS-59"

    agent = create_agent(ChatOpenAI(model=MODEL), [departure, price])
    done = agent.invoke({"messages": [("user", "run the agent")]})
    assert called == [("departure", "Lisbon"), ("price", "night")], called
    assert done["messages"][-1].content == "It leaves at 21:40 and costs 59.", done


def langgraph_prebuilt_agent():
    from langgraph.prebuilt import create_react_agent

    def departure(station: str) -> str:
        """When the train leaves."""
        return "DEPARTS-2140"

    def price(train: str) -> str:
        """What a ticket costs."""
        return "COSTS-59"

    agent = create_react_agent(ChatOpenAI(model=MODEL, streaming=True), [departure, price])
    done = agent.invoke({"messages": [("user", "run the agent")]})
    kinds = [message.type for message in done["messages"]]
    assert kinds == ["human", "ai", "tool", "ai", "tool", "ai"], kinds


def main():
    client = OpenAI()
    checks = [
        chat, stream_with_usage, stream_without_usage, json_schema, tool_calls, embeddings, models, typed_errors, broken_stream,
    ]
    for check in checks:
        check(client)
        print("ok", check.__name__)
    asyncio.run(with_async_client())
    print("ok with_async_client")
    for check in [langchain, langchain_embeddings, langgraph_agent, langgraph_prebuilt_agent]:
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    sys.exit(main())
