//! A chat for a model whose provider does not speak OpenAI's protocol: its texts, in the provider's own. What cannot be said in that
//! is refused, and named.

mod prompt;

use async_stream::stream;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use lambent_llm::{Chunk, CompletionStream, Finish, Models};
use lambent_schema::{Problem, Usage};
use lambent_service::{Call, Failure, Piece, Stage, stream::relay};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::Asking;
use prompt::prompt;

/// Asks it.
pub(crate) async fn ask(
    asking: &Asking<'_>,
    models: &Models,
    output_tokens: u32,
) -> Result<Response, Failure> {
    let (call, body) = (asking.call, asking.body);
    let prompt = prompt(body).map_err(|broken| Failure::new(Problem::invalid(broken)))?;
    let models = models.metered(asking.tally.share(), Some(output_tokens));
    let answer = Answer {
        id: format!("chatcmpl-{}", call.id.as_str()),
        created: OffsetDateTime::now_utc().unix_timestamp(),
        model: models.model().to_owned(),
        wants_usage: body.wants_usage,
    };
    if body.stream {
        let chunks = models.stream(&prompt, None, call.deadline).await?;
        call.record.first_token();
        return Ok(relay(
            call.clone(),
            answer.pieces(call.clone(), asking.began, chunks),
        ));
    }
    let completion = models.complete(&prompt, call.deadline).await?;
    call.record.first_token_at(completion.first_token_at);
    call.record.stage(Stage::Model, asking.began.elapsed());
    Ok(Json(answer.whole(&completion.text, reason(completion.finish), completion.usage)).into_response())
}

/// What all objects of an answer have in common.
struct Answer {
    id: String,
    created: i64,
    model: String,
    wants_usage: bool,
}

impl Answer {
    fn whole(&self, text: &str, finish_reason: &str, usage: Usage) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": null,
                "finish_reason": finish_reason,
            }],
            "usage": in_openais_words(usage),
        })
    }

    fn chunk(&self, choices: &Value) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        });
        if self.wants_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> String {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        event(&self.chunk(&choices))
    }

    fn end(&self, finish_reason: &str, usage: Usage) -> String {
        let mut end = self.delta(&json!({}), Some(finish_reason));
        if self.wants_usage {
            let mut chunk = self.chunk(&json!([]));
            chunk["usage"] = in_openais_words(usage);
            end += &event(&chunk);
        }
        end + "data: [DONE]\n\n"
    }

    fn pieces(
        self,
        call: Call,
        began: Instant,
        mut chunks: CompletionStream,
    ) -> impl Stream<Item = Result<Piece, Failure>> + Send {
        stream! {
            yield Ok(next(self.delta(&json!({"role": "assistant", "content": ""}), None)));
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(Chunk::Delta(text)) => yield Ok(next(self.delta(&json!({"content": text}), None))),
                    Ok(Chunk::End { usage, finish }) => {
                        call.record.stage(Stage::Model, began.elapsed());
                        yield Ok(Piece::Last(Bytes::from(self.end(reason(finish), usage))));
                    }
                    Err(error) => {
                        call.record.stage(Stage::Model, began.elapsed());
                        yield Err(error.into());
                    }
                }
            }
        }
    }
}

fn next(event: String) -> Piece {
    Piece::Next(Bytes::from(event))
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn in_openais_words(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Other => "stop",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
    }
}
