"""Requests and replies of the API in Pydantic, for FastAPI and Flask alike: the limits are those of `shared/schema`."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MetadataValue = str | bool | int | float
Metadata = dict[str, MetadataValue]


class Body(BaseModel):
    """A request's body: nothing in it that is not known, and no number that is not one."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AnalysisType(StrEnum):
    SUMMARY = "summary"
    DETAILED = "detailed"
    ENTITIES = "entities"


class OutputFormat(StrEnum):
    JSON = "json"
    MARKDOWN = "markdown"


class AnalysisRequest(Body):
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=50_000)]
    analysis_type: AnalysisType
    output_format: OutputFormat = OutputFormat.JSON
    max_findings: int = Field(default=10, ge=1, le=50)


class Finding(BaseModel):
    title: str
    detail: str


class Entity(BaseModel):
    name: str
    kind: str


class Draft(BaseModel):
    """What the model answers to an analysis."""

    summary: str = Field(min_length=1)
    findings: list[Finding] = []
    entities: list[Entity] = []


class Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0


class Analysis(Draft):
    model: str
    usage: Usage
    request_id: str


Words = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]


class SearchRequest(Body):
    query: Words | None = None
    embedding: Annotated[list[float], Field(min_length=512, max_length=512)] | None = None
    top_k: int = Field(default=10, ge=1, le=50)
    filter: Metadata = {}
    min_score: float = Field(default=0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def either_query_or_embedding(self) -> Self:
        if (self.query is None) == (self.embedding is None):
            raise ValueError("either query or embedding is required, and not both")
        return self


class Hit(BaseModel):
    score: float
    document_id: str
    title: str
    metadata: Metadata
    chunk: int
    start: int
    end: int
    text: str


class SearchReply(BaseModel):
    hits: list[Hit]
    model: str
    usage: Usage
    request_id: str


class Turn(Body):
    role: Annotated[str, Field(pattern="^(user|assistant)$")]
    content: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"\S")]


class AskRequest(Body):
    question: Words
    top_k: int = Field(default=5, ge=1, le=20)
    filter: Metadata = {}
    min_score: float = Field(default=0.6, ge=0.0, le=1.0)
    history: list[Turn] = Field(default=[], max_length=20)
    max_output_tokens: int | None = Field(default=None, ge=1)


class Source(BaseModel):
    n: int
    document_id: str
    title: str
    chunk: int
    score: float
    text: str


class Citation(BaseModel):
    n: int
    document_id: str
    chunk: int
    quote: str


class Answer(BaseModel):
    answer: str
    grounded: bool
    citations: list[Citation]
    invented_citations: int
    finish_reason: str
    sources: list[Source]
    model: str
    usage: Usage
    request_id: str
