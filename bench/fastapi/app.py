"""The functions' work in FastAPI: /health and /analyse with a validated body, a model call, and a record in DynamoDB.

As lean as such an app can be: the model is called with httpx and not an SDK, and clients are made once.
"""

import os
import time
import uuid
from enum import Enum

import boto3
import httpx
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel, Field

table = boto3.resource(
    "dynamodb", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
).Table(os.environ["LAMBENT_REQUESTS_TABLE"])
models = httpx.AsyncClient(
    base_url=os.environ.get("LAMBENT_MODEL_URL", ""),
    headers={"authorization": f"Bearer {os.environ.get('LAMBENT_MODEL_KEY', 'none')}"},
    timeout=60,
)
app = FastAPI()


class AnalysisType(str, Enum):
    summary = "summary"
    detailed = "detailed"
    entities = "entities"


class AnalysisRequest(BaseModel):
    text: str = Field(min_length=10, max_length=50_000)
    analysis_type: AnalysisType
    output_format: str = "json"
    max_findings: int = Field(default=10, ge=1, le=50)


class Finding(BaseModel):
    title: str
    detail: str


class Draft(BaseModel):
    summary: str
    findings: list[Finding] = []


class Analysis(Draft):
    model: str
    request_id: str


def record(request_id: str, route: str) -> None:
    now = time.gmtime()
    started_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", now)
    table.put_item(
        Item={
            "caller": "anonymous",
            "sort": f"{started_at}#{request_id}",
            "day": time.strftime("%Y-%m-%d#0", now),
            "request_id": request_id,
            "route": route,
        }
    )


@app.get("/health")
def health() -> dict[str, str]:
    record(str(uuid.uuid4()), "GET /health")
    return {"status": "ok"}


@app.post("/analyse")
async def analyse(request: AnalysisRequest) -> Analysis:
    request_id = str(uuid.uuid4())
    answer = await models.post(
        "chat/completions",
        json={
            "model": "test-model",
            "messages": [{"role": "user", "content": request.text}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "analysis", "schema": Draft.model_json_schema()},
            },
        },
    )
    answer.raise_for_status()
    draft = Draft.model_validate_json(answer.json()["choices"][0]["message"]["content"])
    record(request_id, "POST /analyse")
    return Analysis(**draft.model_dump(), model="test-model", request_id=request_id)


handler = Mangum(app, lifespan="off")
