//! What is asked, and how it is put to the provider.

use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, JsonSpec};

use crate::config::ModelConfig;
use crate::reply::ReplySchema;

/// A question to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Instructions of the application.
    pub system: String,
    /// What was said before the question, the oldest first. They should begin with one of the user's, alternate, and end with one of
    /// the assistant's: Bedrock refuses anything else.
    pub turns: Vec<Turn>,
    /// What the caller sent: data, kept apart from the instructions.
    pub user: String,
}

/// What one side said before the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// An answer that was not usable, and what was wrong with it.
pub(crate) struct Rejected {
    pub(crate) reply: String,
    pub(crate) complaint: String,
}

/// How a provider is told the form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemaBy {
    /// The schema is a parameter of the request, and the provider decodes under it.
    Parameter,
    /// The provider can be told "JSON" by a parameter; the schema goes into the instructions.
    JsonMode,
    /// The schema goes into the instructions.
    Instructions,
}

fn schema_by(provider: AdapterKind) -> SchemaBy {
    match provider {
        // genai 0.7 hands the schema to none of these protocols.
        AdapterKind::BedrockApi | AdapterKind::Cohere | AdapterKind::MiniMax => SchemaBy::Instructions,
        // Ollama's own protocol (genai passes only its JSON mode), and DeepSeek, which refuses `json_schema`.
        AdapterKind::Ollama | AdapterKind::OllamaCloud | AdapterKind::DeepSeek => SchemaBy::JsonMode,
        _ => SchemaBy::Parameter,
    }
}

/// The request in genai's terms.
pub(crate) fn request(
    prompt: &Prompt,
    reply: Option<&ReplySchema>,
    provider: AdapterKind,
    rejected: Option<&Rejected>,
) -> ChatRequest {
    let mut system = prompt.system.clone();
    if let Some(reply) = reply
        && schema_by(provider) != SchemaBy::Parameter
    {
        system.push_str(
            "\n\nReply with one JSON value and nothing else: no Markdown, no code fence. It must fit this JSON Schema:\n",
        );
        system.push_str(&reply.schema().to_string());
    }
    let mut messages: Vec<_> = prompt.turns.iter().map(said).collect();
    messages.push(ChatMessage::user(prompt.user.as_str()));
    if let Some(Rejected { reply, complaint }) = rejected {
        messages.push(answered(reply));
        messages.push(ChatMessage::user(complaint.as_str()));
    }
    ChatRequest::new(messages).with_system(system)
}

fn said(turn: &Turn) -> ChatMessage {
    match turn.role {
        Role::User => ChatMessage::user(turn.content.as_str()),
        Role::Assistant => answered(&turn.content),
    }
}

/// An answer of the model. Some providers refuse an empty message.
fn answered(text: &str) -> ChatMessage {
    let is_empty = text.trim().is_empty();
    ChatMessage::assistant(if is_empty { "(no answer)" } else { text })
}

/// The tokens of what a model is sent, about: until its provider says how many they were.
pub(crate) fn tokens(prompt: &Prompt, reply: Option<&ReplySchema>, rejected: Option<&Rejected>) -> u64 {
    let schema = reply.map_or(0, |reply| estimated_tokens(&reply.schema().to_string()));
    let rejected = rejected.map_or(0, |rejected| {
        estimated_tokens(&rejected.reply) + estimated_tokens(&rejected.complaint)
    });
    let turns: u64 = prompt
        .turns
        .iter()
        .map(|turn| estimated_tokens(&turn.content))
        .sum();
    estimated_tokens(&prompt.system) + turns + estimated_tokens(&prompt.user) + schema + rejected
}

/// The tokens of a text, about, whatever the model: English, German and code have some four bytes a token; what is not Latin about one
/// a character.
#[must_use]
pub fn estimated_tokens(text: &str) -> u64 {
    // Of a character that is not ASCII the first byte alone is one of these.
    let others = text.bytes().filter(|byte| *byte >= 0xC0).count();
    let ascii = text.bytes().filter(u8::is_ascii).count();
    (ascii.div_ceil(4) + others) as u64
}

/// The options in genai's terms.
pub(crate) fn options(
    config: &ModelConfig,
    max_output_tokens: u32,
    reply: Option<&ReplySchema>,
    provider: AdapterKind,
) -> ChatOptions {
    let mut options = ChatOptions::default()
        .with_capture_usage(true)
        .with_max_tokens(max_output_tokens);
    options.temperature = config.temperature;
    options.response_format = reply.and_then(|reply| match schema_by(provider) {
        SchemaBy::Parameter => Some(JsonSpec::new(reply.name(), reply.schema().clone()).into()),
        SchemaBy::JsonMode => Some(ChatResponseFormat::JsonMode),
        SchemaBy::Instructions => None,
    });
    options
}

#[cfg(test)]
#[path = "prompt_tests.rs"]
mod tests;
