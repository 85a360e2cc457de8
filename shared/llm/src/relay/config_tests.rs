use super::*;

fn read(table: &str) -> Result<TableConfig, ConfigError> {
    TableConfig::from_lookup(|name| match name {
        TABLE => Some(table.to_owned()),
        "OPENAI_API_KEY" => Some("its-own".to_owned()),
        "MY_KEY" => Some("mine".to_owned()),
        // The API's own model's, which are nobody else's.
        "LAMBENT_MODEL_KEY" | "LAMBENT_MODEL_URL" => Some("http://own".to_owned()),
        _ => None,
    })
}

#[test]
fn a_name_has_targets_in_their_order_with_keys_of_their_own() {
    let table = r#"{
        "fast": ["openai::gpt-5-mini", {"model": "openai::x", "url": "http://127.0.0.1:1/v1", "key_from": "MY_KEY"}],
        "text": {"targets": ["openai::gpt-5-mini"], "images": false},
        "embed": {"targets": ["openai::text-embedding-3-small"], "embeddings": true}
    }"#;
    let read = read(table).unwrap();
    let [fast, text] = read.chat.as_slice() else {
        panic!("two")
    };
    let keys = fast
        .targets
        .iter()
        .map(|target| target.key.as_ref().unwrap().reveal());
    assert_eq!(keys.collect::<Vec<_>>(), ["its-own", "mine"]);
    assert_eq!(fast.targets[0].url, None);
    // The first one is not asked again where the second one can be asked.
    let retries = fast.targets.iter().map(|target| target.max_retries);
    assert_eq!(retries.collect::<Vec<_>>(), [0, 2]);
    assert_eq!((fast.takes_images, text.takes_images), (true, false));
    assert_eq!(read.embeddings[0].name, "embed");
    assert!(!format!("{read:?}").contains("its-own"));
}

#[test]
fn a_table_that_cannot_be_used_stops_the_start_and_names_the_row() {
    for wrong in [
        "[]",
        "{",
        r#"{"a": []}"#,
        r#"{"a": ["openai::x"], "a": ["openai::x"]}"#,
        r#"{"a": {"targets": ["x"], "y": 1}}"#,
    ] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(error.starts_with("LAMBENT_OPENAI_MODELS"), "{wrong}: {error}");
    }
    let unpriced = read(r#"{"row": [{"model": "openai::unheard-of", "url": "https://example.com/v1"}]}"#);
    let error = unpriced.unwrap_err().to_string();
    assert!(error.contains("row") && error.contains("price"), "{error}");
    assert!(read("").unwrap().chat.is_empty());
}

#[test]
fn a_target_may_say_what_it_calls_the_limit_of_an_answer() {
    let of = |limit: &str| {
        let target =
            format!(r#"{{"model": "openai::x", "url": "http://127.0.0.1:1/v1", "limit": "{limit}"}}"#);
        read(&format!(r#"{{"a": [{target}]}}"#)).map(|read| read.chat[0].targets[0].limit_name)
    };
    assert_eq!(
        of("max_completion_tokens").unwrap(),
        Some(LimitName::MaxCompletionTokens)
    );
    assert_eq!(of("max_tokens").unwrap(), Some(LimitName::MaxTokens));
    assert!(of("most").is_err());
}
