use serde_json::json;

use super::*;

fn prompt() -> Prompt {
    Prompt {
        system: "Instructions.".to_owned(),
        user: "Document.".to_owned(),
    }
}

fn schema() -> ReplySchema {
    ReplySchema::new("reply", json!({"type": "object", "title": "a-schema"})).unwrap()
}

#[test]
fn the_schema_goes_where_the_provider_takes_it() {
    let schema = schema();
    let config = ModelConfig::new("m");
    for (provider, in_options, in_system) in [
        (AdapterKind::OpenAI, true, false),
        (AdapterKind::Anthropic, true, false),
        (AdapterKind::Gemini, true, false),
        (AdapterKind::BedrockApi, false, true),
        (AdapterKind::Ollama, false, true),
        (AdapterKind::DeepSeek, false, true),
    ] {
        let format = options(&config, 10, Some(&schema), provider).response_format;
        assert_eq!(
            matches!(format, Some(ChatResponseFormat::JsonSpec(_))),
            in_options,
            "{provider}"
        );
        let system = request(&prompt(), Some(&schema), provider, None).system.unwrap();
        assert_eq!(system.contains("a-schema"), in_system, "{provider}");
        assert!(system.starts_with("Instructions."));
    }
}

#[test]
fn text_is_asked_for_without_a_schema_and_without_a_temperature() {
    let options = options(&ModelConfig::new("m"), 10, None, AdapterKind::OpenAI);
    assert!(options.response_format.is_none());
    assert_eq!(
        (options.temperature, options.max_tokens, options.capture_usage),
        (None, Some(10), Some(true))
    );
    assert_eq!(
        request(&prompt(), None, AdapterKind::Ollama, None)
            .system
            .as_deref(),
        Some("Instructions.")
    );
}

#[test]
fn a_rejected_answer_goes_back_with_the_complaint() {
    let rejected = Rejected {
        reply: String::new(),
        complaint: "Too short.".to_owned(),
    };
    let request = request(&prompt(), None, AdapterKind::OpenAI, Some(&rejected));
    let texts: Vec<_> = request
        .messages
        .iter()
        .map(|m| m.content.joined_texts().unwrap())
        .collect();
    assert_eq!(texts, ["Document.", "(no answer)", "Too short."]);
}
