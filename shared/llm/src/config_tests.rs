use std::collections::HashMap;
use std::time::Duration;

use super::*;

fn from(variables: &[(&str, &str)]) -> Result<ModelConfig, ConfigError> {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    ModelConfig::from_lookup(|name| variables.get(name).cloned())
}

/// Each variable with a value of its own.
const EVERY_VARIABLE: &[(&str, &str)] = &[
    ("LAMBENT_MODEL", "smollm2"),
    ("LAMBENT_MODEL_URL", "http://127.0.0.1:1234/v1"),
    ("LAMBENT_MODEL_KEY", "key"),
    ("LAMBENT_MODEL_PRICE", "0.25/1.5"),
    ("LAMBENT_MAX_OUTPUT_TOKENS", "300"),
    ("LAMBENT_TEMPERATURE", "0.2"),
    ("LAMBENT_FIRST_TOKEN_TIMEOUT_SECS", "2.5"),
    ("LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS", "7"),
    ("LAMBENT_CONTEXT_TOKENS", "2048"),
    ("LAMBENT_CONTEXT_HINT", "Name a larger model."),
];

#[test]
fn a_model_and_its_providers_key_are_enough() {
    let config = from(&[
        ("LAMBENT_MODEL", "openai::gpt-5-mini"),
        ("OPENAI_API_KEY", "sk-1"),
    ])
    .unwrap();
    assert_eq!(config.key, Some(ApiKey::new("sk-1")));
    assert_eq!(config.max_output_tokens, 1024);
    assert_eq!(config.first_token_timeout, Duration::from_secs(60));
    assert_eq!(config.between_tokens_timeout, Duration::from_secs(60));
    assert_eq!((config.temperature, config.context_tokens), (None, None));
}

#[test]
fn every_variable_is_read() {
    let config = from(EVERY_VARIABLE).unwrap();
    assert_eq!(
        config.place().base_url().unwrap().as_deref(),
        Some("http://127.0.0.1:1234/v1/")
    );
    assert_eq!(config.provider().unwrap(), AdapterKind::OpenAI);
    assert_eq!(config.key, Some(ApiKey::new("key")));
    assert_eq!((config.max_output_tokens, config.temperature), (300, Some(0.2)));
    assert_eq!(config.first_token_timeout, Duration::from_millis(2500));
    assert_eq!(config.between_tokens_timeout, Duration::from_secs(7));
    assert_eq!(config.context_tokens, Some(2048));
    assert_eq!(config.context_hint.as_deref(), Some("Name a larger model."));
}

#[test]
fn a_configuration_can_be_handed_on_as_variables() {
    for read in [
        EVERY_VARIABLE,
        &[
            ("LAMBENT_MODEL", "bedrock_api::amazon.nova-lite-v1:0"),
            ("LAMBENT_MAX_OUTPUT_TOKENS", "1024"),
            ("LAMBENT_FIRST_TOKEN_TIMEOUT_SECS", "60"),
            ("LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS", "60"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "session"),
            ("AWS_REGION", "eu-west-1"),
        ],
    ] {
        let expected: HashMap<_, _> = read
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let handed_on: HashMap<_, _> = from(read).unwrap().variables().into_iter().collect();
        assert_eq!(handed_on, expected);
    }
}

#[test]
fn empty_values_count_as_absent() {
    let config = from(&[
        ("LAMBENT_MODEL", "ollama::llama3.2"),
        ("LAMBENT_MODEL_URL", ""),
        ("LAMBENT_TEMPERATURE", " "),
    ])
    .unwrap();
    assert_eq!((config.url, config.temperature), (None, None));
}

#[test]
fn a_server_of_ones_own_never_gets_the_providers_key() {
    let config = from(&[
        ("LAMBENT_MODEL", "openai::gpt-5-mini"),
        ("LAMBENT_MODEL_URL", "https://models.example.com/v1"),
        ("OPENAI_API_KEY", "sk-1"),
    ])
    .unwrap();
    assert_eq!(config.key, None);
}

#[test]
fn bedrock_with_aws_credentials_needs_no_key() {
    let config = from(&[
        ("LAMBENT_MODEL", "bedrock_api::amazon.nova-lite-v1:0"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ])
    .unwrap();
    assert_eq!(config.provider().unwrap(), AdapterKind::BedrockApi);
    assert!(config.key.is_none() && config.aws.is_some());
}

#[test]
fn bedrocks_own_key_goes_before_aws_credentials() {
    let config = from(&[
        ("LAMBENT_MODEL", "bedrock_api::amazon.nova-lite-v1:0"),
        ("AWS_BEARER_TOKEN_BEDROCK", "key"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ])
    .unwrap();
    assert_eq!(config.key, Some(ApiKey::new("key")));
    assert!(config.aws.is_none());
}

#[test]
fn a_missing_or_malformed_variable_is_named_and_its_value_is_not() {
    let model = ("LAMBENT_MODEL", "ollama::m");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "LAMBENT_MODEL"),
        (&[("LAMBENT_MODEL", "unknown-name")], "LAMBENT_MODEL"),
        (&[("LAMBENT_MODEL", "nobody::secret-value")], "LAMBENT_MODEL"),
        (&[("LAMBENT_MODEL", "openai::")], "LAMBENT_MODEL"),
        (
            &[("LAMBENT_MODEL", "anthropic::claude-haiku-4-5")],
            "ANTHROPIC_API_KEY",
        ),
        (
            &[
                ("LAMBENT_MODEL", "bedrock_api::amazon.nova-lite-v1:0"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("AWS_SECRET_ACCESS_KEY", "secret-value"),
            ],
            "AWS_REGION",
        ),
        (&[model, ("LAMBENT_MODEL_PRICE", "cheap")], "LAMBENT_MODEL_PRICE"),
        (
            &[
                ("LAMBENT_MODEL", "openai::a-new-one"),
                ("OPENAI_API_KEY", "secret-value"),
            ],
            "LAMBENT_MODEL_PRICE is not set",
        ),
        (
            &[model, ("LAMBENT_TEMPERATURE", "secret-value")],
            "LAMBENT_TEMPERATURE",
        ),
        (&[model, ("LAMBENT_TEMPERATURE", "3")], "LAMBENT_TEMPERATURE"),
        (
            &[model, ("LAMBENT_MAX_OUTPUT_TOKENS", "0")],
            "LAMBENT_MAX_OUTPUT_TOKENS",
        ),
        (
            &[model, ("LAMBENT_CONTEXT_TOKENS", "-1")],
            "LAMBENT_CONTEXT_TOKENS",
        ),
        (
            &[model, ("LAMBENT_FIRST_TOKEN_TIMEOUT_SECS", "NaN")],
            "LAMBENT_FIRST_TOKEN_TIMEOUT_SECS",
        ),
        (
            &[model, ("LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS", "1e9")],
            "LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS",
        ),
    ];
    for (variables, named) in cases {
        let error = from(variables).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert!(!error.contains("secret-value"), "{error}");
    }
}

#[test]
fn a_url_that_is_none_stops_the_start() {
    for url in ["127.0.0.1:1234", "ftp://host/v1", "not a url", "http://"] {
        let mut config = ModelConfig::new("m");
        config.url = Some(url.to_owned());
        let error = crate::Models::new(config).unwrap_err().to_string();
        assert!(error.contains("LAMBENT_MODEL_URL"), "{url}: {error}");
    }
}

#[test]
fn no_key_is_ever_printed() {
    let mut config = ModelConfig::new("openai::m");
    config.key = Some(ApiKey::new("sk-secret"));
    assert!(!format!("{config:?}").contains("sk-secret"));
    let models = crate::Models::new(config).unwrap();
    assert!(!format!("{models:?}").contains("sk-secret"));
    assert_eq!(models.model(), "m");
}

#[test]
fn only_models_on_this_machine_need_no_price() {
    let free = Some(Price::FREE);
    for variables in [
        &[
            ("LAMBENT_MODEL", "m"),
            ("LAMBENT_MODEL_URL", "http://127.0.0.1:1234/v1"),
        ][..],
        &[
            ("LAMBENT_MODEL", "m"),
            ("LAMBENT_MODEL_URL", "http://[::1]:1234/v1"),
        ],
        &[
            ("LAMBENT_MODEL", "m"),
            ("LAMBENT_MODEL_URL", "https://localhost/v1"),
        ],
        &[("LAMBENT_MODEL", "ollama::llama3.2")],
        &[
            ("LAMBENT_MODEL", "m"),
            ("LAMBENT_MODEL_URL", "https://models.example/v1"),
            ("LAMBENT_MODEL_PRICE", "0/0"),
        ],
    ] {
        assert_eq!(from(variables).unwrap().price, free, "{variables:?}");
    }
    let elsewhere = [
        ("LAMBENT_MODEL", "m"),
        ("LAMBENT_MODEL_URL", "https://127.0.0.1.example/v1"),
    ];
    assert!(
        from(&elsewhere)
            .unwrap_err()
            .to_string()
            .starts_with("LAMBENT_MODEL_PRICE is not set")
    );
    let known = [("LAMBENT_MODEL", "gpt-5-mini"), ("OPENAI_API_KEY", "key")];
    assert_eq!(from(&known).unwrap().price, Price::of("gpt-5-mini"));
}
