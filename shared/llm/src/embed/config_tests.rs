use std::collections::HashMap;

use super::*;

fn from(variables: &[(&str, &str)]) -> Result<EmbeddingConfig, ConfigError> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    EmbeddingConfig::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

const LOCAL: [(&str, &str); 2] = [
    ("LAMBENT_EMBEDDING_MODEL", "all-minilm-l6-v2"),
    ("LAMBENT_EMBEDDING_URL", "http://127.0.0.1:1234/v1"),
];

const TITAN: (&str, &str) = (
    "LAMBENT_EMBEDDING_MODEL",
    "bedrock_api::amazon.titan-embed-text-v2:0",
);

#[test]
fn a_model_and_its_providers_key_are_enough() {
    let config = from(&[
        ("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-small"),
        ("OPENAI_API_KEY", "sk-1"),
    ])
    .unwrap();
    assert_eq!(config.key, Some(ApiKey::new("sk-1")));
    assert_eq!(config.price, Price::of_embedding("text-embedding-3-small"));
    assert_eq!(config.provider().unwrap(), AdapterKind::OpenAI);
    assert_eq!(config.batch_texts, 64);
}

#[test]
fn a_configuration_can_be_handed_on_as_variables() {
    let free = [LOCAL[0], LOCAL[1], ("LAMBENT_EMBEDDING_PRICE", "0")];
    let priced = [
        ("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-large"),
        ("LAMBENT_EMBEDDING_KEY", "key"),
        ("LAMBENT_EMBEDDING_PRICE", "0.5"),
    ];
    let by_key = [
        TITAN,
        ("LAMBENT_EMBEDDING_KEY", "key"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let by_credentials = [
        TITAN,
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "session"),
        ("AWS_REGION", "eu-west-1"),
    ];
    for read in [&free[..], &priced, &by_key, &by_credentials] {
        let expected: HashMap<_, _> = read
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let handed_on: HashMap<_, _> = from(read).unwrap().variables().into_iter().collect();
        assert_eq!(handed_on, expected);
    }
    let by_table = EmbeddingConfig::new("openai::text-embedding-3-small").variables();
    assert_eq!(by_table.len(), 1, "the table's price need not be handed on");
}

#[test]
fn titan_takes_a_key_and_a_region_or_the_credentials_of_the_function() {
    let credentials = [
        TITAN,
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret-value"),
        ("AWS_SESSION_TOKEN", "session"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let config = from(&credentials).unwrap();
    assert_eq!(config.price, "0.02/0".parse().ok());
    assert_eq!(config.aws.as_ref().unwrap().region(), "eu-west-1");
    assert!(config.key.is_none() && config.region.is_none());
    assert!(!format!("{config:?}").contains("secret-value"));
    let embedder = crate::Embedder::new(config).unwrap();
    assert_eq!(embedder.model(), "amazon.titan-embed-text-v2:0");

    for variable in [
        "LAMBENT_EMBEDDING_KEY",
        "BEDROCK_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
    ] {
        let key = (variable, "key");
        let config = from(&[TITAN, key, ("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
        assert_eq!(config.key, Some(ApiKey::new("key")), "{variable}");
        assert_eq!(config.region.as_deref(), Some("eu-west-1"));
        assert!(config.aws.is_none());
        crate::Embedder::new(config).unwrap();
    }

    let url = ("LAMBENT_EMBEDDING_URL", "http://127.0.0.1:1234");
    let elsewhere = from(&[&credentials[..], &[url]].concat()).unwrap();
    assert!(
        elsewhere.aws.is_none(),
        "the function's credentials are not for another server"
    );
}

#[test]
fn only_models_on_this_machine_need_no_price() {
    assert_eq!(from(&LOCAL).unwrap().price, Some(Price::FREE));
    let ollama = [("LAMBENT_EMBEDDING_MODEL", "ollama::nomic-embed-text")];
    assert_eq!(from(&ollama).unwrap().price, Some(Price::FREE));
    let elsewhere = [LOCAL[0], ("LAMBENT_EMBEDDING_URL", "https://models.example/v1")];
    let error = from(&elsewhere).unwrap_err().to_string();
    assert!(error.starts_with("LAMBENT_EMBEDDING_PRICE is not set"), "{error}");
}

#[test]
fn a_server_of_ones_own_never_gets_the_providers_key() {
    let config = from(&[LOCAL[0], LOCAL[1], ("OPENAI_API_KEY", "sk-1")]).unwrap();
    assert_eq!(config.key, None);
}

#[test]
fn a_missing_or_malformed_variable_is_named_and_its_value_is_not() {
    let openai = ("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-small");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "LAMBENT_EMBEDDING_MODEL is not set"),
        (
            &[("LAMBENT_EMBEDDING_MODEL", "secret-value")],
            "LAMBENT_EMBEDDING_MODEL",
        ),
        (
            &[("LAMBENT_EMBEDDING_MODEL", "openai::")],
            "LAMBENT_EMBEDDING_MODEL",
        ),
        (&[openai], "set LAMBENT_EMBEDDING_KEY or OPENAI_API_KEY"),
        (
            &[LOCAL[0], LOCAL[1], ("LAMBENT_EMBEDDING_PRICE", "secret-value")],
            "LAMBENT_EMBEDDING_PRICE",
        ),
        (
            &[(
                "LAMBENT_EMBEDDING_MODEL",
                "bedrock_api::cohere.embed-multilingual-v3",
            )],
            "of Bedrock's models, only bedrock_api::amazon.titan-embed-text-v2:0 can",
        ),
        (
            &[(
                "LAMBENT_EMBEDDING_MODEL",
                "bedrock_api::amazon.titan-embed-text-v1",
            )],
            "a model of Bedrock whose embeddings cannot be asked for",
        ),
        (&[TITAN], "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID"),
        (
            &[TITAN, ("AWS_BEARER_TOKEN_BEDROCK", "secret-value")],
            "set AWS_REGION",
        ),
        (
            &[("LAMBENT_EMBEDDING_MODEL", "anthropic::claude-haiku-4-5")],
            "a provider without embeddings (anthropic)",
        ),
    ];
    for (variables, named) in cases {
        let error = from(variables).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert!(!error.contains("secret-value"), "{error}");
    }
}

#[test]
fn no_key_is_ever_printed_and_a_url_that_is_none_stops_the_start() {
    let mut config = EmbeddingConfig::new("openai::m");
    config.key = Some(ApiKey::new("sk-secret"));
    let embedder = crate::Embedder::new(config.clone()).unwrap();
    assert!(!format!("{config:?} {embedder:?}").contains("sk-secret"));
    assert_eq!(embedder.model(), "m");
    config.url = Some("ftp://host".to_owned());
    let error = crate::Embedder::new(config).unwrap_err().to_string();
    assert!(error.contains("LAMBENT_EMBEDDING_URL"), "{error}");
}
