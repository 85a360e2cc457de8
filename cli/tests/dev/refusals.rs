//! What cannot start says why.

use super::*;

/// What the process says when it cannot start: one line.
async fn refused(mut command: Command) -> String {
    let output = timeout(Duration::from_secs(30), command.output())
        .await
        .expect("it ends")
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

#[tokio::test]
async fn a_taken_port_is_said_with_what_to_do() {
    let upstream = Upstream::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused(lambent(&upstream, &["dev", "--port", &port])).await;
    assert!(
        said.contains(&format!("127.0.0.1:{port} is taken")) && said.contains("--port"),
        "{said}"
    );
}

#[tokio::test]
async fn a_malformed_variable_is_named_with_what_was_expected() {
    let upstream = Upstream::start().await;
    for (name, value) in [
        ("LAMBENT_CORS_ORIGINS", "app.example"),
        ("LAMBENT_TIMEOUT_SECS", "soon"),
        ("LAMBENT_MAX_OUTPUT_TOKENS", "many"),
        ("LAMBENT_MODEL_URL", "not a url"),
        ("LAMBENT_MODEL_PRICE", "cheap"),
        ("LAMBENT_TOKEN_RATE", "often"),
        ("LAMBENT_KEY_PEPPER", "short"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = lambent(
            &upstream,
            &["--port", "0", "--data", data.path().to_str().unwrap()],
        );
        // Elsewhere than on this machine a model needs a price.
        command.env("LAMBENT_MODEL_PRICE", "1/1");
        command.env(name, value);
        let said = refused(command).await;
        assert!(said.contains(name) && said.contains("expected"), "{said}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let upstream = Upstream::start().await;
    let said = refused(lambent(&upstream, &["--port", "0", "--data", "/dev/null/data"])).await;
    assert!(said.contains("cannot write to /dev/null/data"), "{said}");
}

#[tokio::test]
async fn weights_that_are_no_file_are_named() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    command
        .env_remove("LAMBENT_MODEL")
        .env("LAMBENT_MODEL_PATH", "/nowhere/model.gguf");
    let said = refused(command).await;
    assert!(said.contains("/nowhere/model.gguf"), "{said}");
}
