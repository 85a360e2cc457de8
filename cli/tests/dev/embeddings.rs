//! Where functions are told that texts are embedded, and what is there.

use lambent_llm::{Embedder, EmbeddingConfig, Purpose};
use lambent_local_model::WeightsSource;
use tokio::time::Instant;

use super::*;

/// What functions elsewhere on this machine are told, once the command runs.
async fn told(command: &mut Command, data: &std::path::Path) -> (Child, Value) {
    command.args(["--port", "0", "--sam-local", "127.0.0.1", "--data"]);
    let mut child = command.arg(data).spawn().unwrap();
    let (_, mut said, mut stderr) = welcomed(&mut child).await;
    let until = async {
        while !said.contains("sam local invoke") {
            assert_ne!(stderr.read_line(&mut said).await.unwrap(), 0, "it ended: {said}");
        }
    };
    timeout(Duration::from_secs(30), until).await.expect("it is told");
    let variables = std::fs::read_to_string(data.join("sam-local.json")).unwrap();
    // Containers know this machine by another name.
    let variables = variables.replace("host.docker.internal", "127.0.0.1");
    let variables: Value = serde_json::from_str(&variables).unwrap();
    (child, variables["Parameters"].clone())
}

fn config(variables: &Value) -> EmbeddingConfig {
    EmbeddingConfig::from_lookup(|name| variables[name].as_str().map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn a_local_model_embeds_though_another_one_chats_and_is_fetched_only_when_asked() {
    install_crypto();
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(&upstream, &[]);
    command.env("LAMBENT_EMBEDDING_PATH", "/nowhere/model");
    let (child, variables) = told(&mut command, data.path()).await;
    assert_eq!(variables["LAMBENT_EMBEDDING_MODEL"], "openai::all-minilm-l6-v2");
    let url = variables["LAMBENT_EMBEDDING_URL"].as_str().unwrap();

    let ask = reqwest::Client::new()
        .post(format!("{url}/embeddings"))
        .json(&serde_json::json!({"input": "The night train"}));
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let message = answer.text().await.unwrap();
    assert!(
        message.contains("LAMBENT_EMBEDDING_PATH names /nowhere/model"),
        "{message}"
    );
    stopped(child).await;
}

#[tokio::test]
async fn a_provider_s_embeddings_are_told_without_its_key() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(&upstream, &[]);
    command
        .env("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-small")
        .env("LAMBENT_EMBEDDING_KEY", "provider-hunter2");
    let (child, variables) = told(&mut command, data.path()).await;
    assert_eq!(
        variables["LAMBENT_EMBEDDING_MODEL"],
        "openai::text-embedding-3-small"
    );
    assert!(variables.get("LAMBENT_EMBEDDING_URL").is_none());
    assert!(!variables.to_string().contains("hunter2"));
    stopped(child).await;
}

#[tokio::test]
async fn the_real_model_embeds_where_functions_are_told() {
    install_crypto();
    let source = WeightsSource::from_env();
    let present = source.embedding_present().is_some();
    let required = std::env::var_os("LAMBENT_REQUIRE_MODEL").is_some_and(|value| value == "1");
    assert!(
        present || !required,
        "LAMBENT_REQUIRE_MODEL=1, and there are no weights in the cache"
    );
    if !present {
        println!("skipped: there are no weights in the cache");
        return;
    }
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(&upstream, &[]);
    command.env("LAMBENT_CACHE_DIR", &source.cache_dir);
    let (child, variables) = told(&mut command, data.path()).await;

    let embedder = Embedder::new(config(&variables)).unwrap();
    assert_eq!(embedder.pricing().at_most(1_000_000), 0);
    let texts = [
        "The supplier paid the money back.",
        "We got a refund from the vendor.",
        "It will rain tomorrow.",
    ]
    .map(str::to_owned);
    let deadline = Instant::now() + Duration::from_secs(60);
    let embeddings = embedder.embed(&texts, Purpose::Document, deadline).await;
    let [back, refund, rain] = embeddings.unwrap().vectors.try_into().unwrap();
    assert!(
        back.cosine(&refund) > back.cosine(&rain) + 0.2,
        "{} {}",
        back.cosine(&refund),
        back.cosine(&rain)
    );
    stopped(child).await;
}
