"""What is asked of each contestant, and how often at once."""

import json
import math
from dataclasses import dataclass, replace

TEXT = (
    "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10. "
    "Sleeping cars are booked with the national railways, seats at the station. "
)
ANALYSE = {"text": TEXT * 10, "analysis_type": "entities"}
ASK = {"question": "When does the night train leave?", "min_score": 0.5}
SEARCH = {"embedding": [round(math.sin(n) / 16, 7) for n in range(512)], "top_k": 5}
INVALID = {"embedding": [*SEARCH["embedding"][:510], "a word"], "top_k": 0, "min_score": 2}
CHAT = {"model": "test-model", "messages": [{"role": "user", "content": ASK["question"]}]}


@dataclass(frozen=True)
class Cell:
    """One question, asked by so many callers at once."""

    name: str
    path: str
    body: dict
    connections: int = 1
    status: int = 200
    end: str | None = None
    """What is in every right answer."""
    is_stream: bool = False
    calls: tuple[str, ...] = ()
    """What of the provider it waits for: `ask` and `analyse` for these answers, `embedding`."""

    @property
    def id(self) -> str:
        return f"{self.name}@{self.connections}"

    def at(self, connections: int) -> "Cell":
        return replace(self, connections=connections)

    @property
    def text(self) -> str:
        return json.dumps(self.body)


analyse = Cell("analyse", "/analyse", ANALYSE, end='"Santa Apolonia"', calls=("analyse",))
ask = Cell("ask", "/ask", ASK, end='"grounded":true', calls=("embedding", "ask"))
search = Cell("search", "/search", SEARCH, end='"hits":[{')
invalid = Cell("invalid", "/search", INVALID, status=422)
stream = Cell("stream", "/analyse/stream", ANALYSE, end="event: done", is_stream=True, calls=("analyse",))
# What a proxy does: the same call of the model, passed on.
chat = Cell("chat", "/v1/chat/completions", CHAT, end='"chat.completion"', calls=("ask",))

ALL = [cell.at(n) for cell in (ask,) for n in (1, 16, 100, 500)]
ALL += [chat.at(16), analyse.at(100), search.at(16)]
ALL += [stream.at(1), stream.at(100), stream.at(500)]
SHORT = [ask.at(8), search.at(4), stream.at(8)]
EACH = [ask, analyse, search, invalid, stream, chat]
