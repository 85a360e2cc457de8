//! The OpenAPI 3.1 document, assembled from the endpoint table.
//!
//! Schemas are schemars' own, untouched: it emits JSON Schema 2020-12, which is the dialect of OpenAPI 3.1.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    COST_HEADER, Dialect, OpenAiError, Problem, ProblemCode, Violation,
    endpoint::{Access, Content, Event, Operation, Reply, to_value},
    endpoints::jobs::{self, CallbackEvent},
    operations,
};

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut generator = generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations() {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
        let method = operation.method.as_str().to_lowercase();
        paths
            .entry(operation.path)
            .or_default()
            .insert(method, describe(&operation, &mut generator));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lambent",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A Gen-AI API that scales to zero",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        // Relative to this document, so that it is right behind any host, port and stage.
        "servers": [{"url": "./", "description": "Where this document comes from"}],
        "tags": tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>(),
        "paths": paths,
        "webhooks": {"job": callback(&mut generator)},
        "components": {"schemas": generator.take_definitions(true), "securitySchemes": security_schemes()},
    })
}

/// [`document`] as it is committed in `openapi.json`: indented, with a line feed at its end.
#[must_use]
pub fn document_text() -> String {
    format!("{:#}\n", document())
}

const INTRODUCTION: &str = "Documents in, analyses out, streamed as a language model writes them.\n\n\
    Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems with a stable `code` (below `/v1` as OpenAI writes them); a body that breaks rules \
    is told all of them at once, each with its JSON pointer. Every answer carries `x-request-id`: yours, if you send one of \
    1 to 128 letters, digits, `-` and `_`, else a new one.";

/// What is sent to a job's `callback_url`.
fn callback(generator: &mut SchemaGenerator) -> Value {
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "required": true, "description": description, "schema": {"type": "string"}});
    json!({"post": {
        "summary": "A job has ended",
        "description": "Sent to the job's `callback_url`, as [Standard Webhooks](https://www.standardwebhooks.com/) are. Any 2xx \
            within 10 seconds will do; else it is tried again, eight times in 18 hours. It may come twice: the id is the same then.",
        "parameters": [
            header("webhook-id", "The id of the event, the same at each try."),
            header("webhook-timestamp", "When it was sent, in seconds since 1970."),
            header("webhook-signature", "`v1,` and the signature; several with spaces between them."),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": generator.subschema_for::<CallbackEvent>(),
                "example": to_value(&jobs::example_event()),
            }},
        },
        "responses": {"2XX": {"description": "It has arrived."}, "410": {"description": "It is never tried again."}},
    }})
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "security": security(operation.access),
        "parameters": parameters(operation),
        "responses": responses(operation, generator),
    });
    if let Some(body) = &operation.body {
        let examples: Map<String, Value> = body
            .examples
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!({"value": value})))
            .collect();
        described["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": body.schema.generate(generator), "examples": examples}},
        });
    }
    described
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let own = operation.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": parameter.place.as_str(),
            "required": parameter.is_required,
            "description": parameter.description,
            "schema": parameter.schema,
        })
    });
    own.chain([request_id_parameter()]).collect()
}

/// One of the schemes will do. Only OAuth's has scopes in OpenAPI's sense; for the others they are what a key was given.
fn security(access: Access) -> Value {
    if !access.asks_for_a_caller() {
        return json!([]);
    }
    let scopes: Vec<&str> = access.scope().iter().map(|scope| scope.as_str()).collect();
    json!([{"bearer": scopes}, {"api_key": scopes}])
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for reply in &operation.replies {
        responses.insert(
            reply.status.to_string(),
            describe_reply(reply, operation.access, generator),
        );
    }
    let mut problems: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in &operation.problems {
        let status = operation.dialect.status(code.status());
        problems.entry(status).or_default().push(*code);
    }
    for (status, codes) in problems {
        responses.insert(
            status.to_string(),
            describe_problems(&codes, operation.dialect, generator),
        );
    }
    json!(responses)
}

fn describe_reply(reply: &Reply, access: Access, generator: &mut SchemaGenerator) -> Value {
    let content: Map<String, Value> = reply
        .content
        .iter()
        .map(|content| match content {
            Content::Json { schema, example } => (
                "application/json".to_owned(),
                json!({"schema": schema.generate(generator), "example": example}),
            ),
            Content::Events(events) => ("text/event-stream".to_owned(), describe_events(events, generator)),
            Content::Text {
                media_type,
                description,
            } => (
                (*media_type).to_owned(),
                json!({"schema": {"type": "string", "description": description}}),
            ),
        })
        .collect();
    let mut headers = reply_headers(access);
    for (name, description) in reply.headers {
        headers[*name] = json!({"description": description, "schema": {"type": "string"}});
    }
    let mut described = json!({"description": reply.description, "headers": headers});
    if !content.is_empty() {
        described["content"] = Value::Object(content);
    }
    described
}

/// OpenAPI 3.1 has no word for events, so `x-events` names the schema of each, and the description says it in prose.
fn describe_events(events: &[Event], generator: &mut SchemaGenerator) -> Value {
    let types: Map<String, Value> = events
        .iter()
        .map(|event| {
            let data = event.data.generate(generator);
            (
                if event.name.is_empty() {
                    "message"
                } else {
                    event.name
                }
                .to_owned(),
                json!({"description": event.description, "data": data}),
            )
        })
        .collect();
    let prose: Vec<String> = events
        .iter()
        .map(|event| match event.name {
            "" => format!("- {}", event.description),
            name => format!("- `{name}`: {}", event.description),
        })
        .collect();
    let example: String = events
        .iter()
        .filter(|event| event.name != "error")
        .map(|event| match event.name {
            "" => format!("data: {}\n\n", event.example),
            name => format!("event: {name}\ndata: {}\n\n", event.example),
        })
        .collect();
    json!({
        "schema": {"type": "string", "description": format!("Server-sent events:\n\n{}", prose.join("\n"))},
        "x-events": types,
        "example": example,
    })
}

fn describe_problems(codes: &[ProblemCode], dialect: Dialect, generator: &mut SchemaGenerator) -> Value {
    let example = |code| {
        let problem = example_problem(code, dialect);
        match dialect {
            Dialect::Problem => to_value(&problem),
            Dialect::OpenAi => to_value(&OpenAiError::of(&problem)),
        }
    };
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), json!({"value": example(*code)})))
        .collect();
    let titles: Vec<&str> = codes.iter().map(|code| code.title()).collect();
    let waits = codes.iter().any(|code| WAITS.contains(code));
    let (media_type, schema) = match dialect {
        Dialect::Problem => ("application/problem+json", generator.subschema_for::<Problem>()),
        Dialect::OpenAi => ("application/json", generator.subschema_for::<OpenAiError>()),
    };
    json!({
        "description": format!("{}.", titles.join(". Or: ")),
        "headers": headers(waits),
        "content": {media_type: {"schema": schema, "examples": examples}},
    })
}

fn example_problem(code: ProblemCode, dialect: Dialect) -> Problem {
    let problem = match code {
        ProblemCode::ValidationFailed if dialect == Dialect::OpenAi => Problem::invalid(vec![Violation {
            pointer: "/messages".to_owned(),
            detail: "Required, and missing".to_owned(),
            code: "missing".into(),
        }]),
        ProblemCode::ValidationFailed => Problem::invalid(vec![
            Violation {
                pointer: "/analysis_type".to_owned(),
                detail: "Required, and missing".to_owned(),
                code: "missing".into(),
            },
            Violation {
                pointer: "/max_findings".to_owned(),
                detail: "Must be at least 1".to_owned(),
                code: "too_small".into(),
            },
        ]),
        code if WAITS.contains(&code) => {
            Problem::new(code, format!("{}. Try again in 2 seconds.", code.title())).retry_after(2)
        }
        _ => Problem::new(code, format!("{}.", code.title())),
    };
    problem.request_id("0199a1de-7c55-7d0c-9b63-52b1a1a4f001")
}

/// Problems that come with a time to wait.
const WAITS: &[ProblemCode] = &[
    ProblemCode::RateLimited,
    ProblemCode::BudgetExceeded,
    ProblemCode::TooManyAtOnce,
    ProblemCode::IdempotencyInFlight,
    ProblemCode::ModelBusy,
];

fn reply_headers(access: Access) -> Value {
    let mut headers = headers(false);
    let header = |description: &str, example: &str| json!({"description": description, "schema": {"type": "string"}, "example": example});
    headers[COST_HEADER] = header(
        "What the request cost in millionths of a US dollar; not on event streams, whose `done` event says it.",
        "tokens=692, compute=11",
    );
    if access != Access::Public {
        headers["ratelimit"] = header(
            "How many requests the caller may send at once now, and after how many seconds again as many as ever.",
            "\"default\";r=9;t=1",
        );
        headers["ratelimit-policy"] = header(
            "How many requests the caller may send at once, and in how many seconds that many come back.",
            "\"default\";q=10;w=10",
        );
    }
    headers
}

fn headers(waits: bool) -> Value {
    let mut headers = json!({
        "x-request-id": {"description": "The id of this request.", "schema": {"type": "string"}},
    });
    if waits {
        headers["retry-after"] =
            json!({"description": "Seconds after which a retry makes sense.", "schema": {"type": "integer"}});
    }
    headers
}

fn request_id_parameter() -> Value {
    json!({
        "name": "x-request-id",
        "in": "header",
        "required": false,
        "description": "Your own id for this request. One that does not match is replaced.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"},
    })
}

/// How callers show who they are.
fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`sk_...`), or a JWT of the issuer that this API trusts. The names behind an operation are the scopes it needs.",
        },
        "api_key": {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "The same API key.",
        },
    })
}
