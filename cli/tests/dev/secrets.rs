//! Secrets stay where they belong.

use super::*;

#[tokio::test]
async fn secrets_are_in_no_log_no_process_listing_and_no_table() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    command
        .env("RUST_LOG", "trace")
        .env("LAMBENT_MODEL_KEY", "provider-hunter2");
    // More than a pipe takes while nobody reads it.
    let log = tempfile::NamedTempFile::new().unwrap();
    command.stdout(log.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let file = |name: &str| std::fs::read_to_string(data.path().join(name)).unwrap();
    let (key, pepper) = (file("key"), file("pepper"));
    let forged = ApiKey::with_id(ApiKey::parse(&key).unwrap().id())
        .unwrap()
        .reveal();
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJlaHVudGVyMg";
    for (credentials, expected) in [
        (&*key, 200),
        (&forged, 401),
        (token, 401),
        ("sk_hunter2_hunter2", 401),
    ] {
        let sent = reqwest::Client::new()
            .post(format!("{url}/analyse"))
            .bearer_auth(credentials)
            .json(&summary());
        assert_eq!(sent.send().await.unwrap().status(), expected);
    }
    let pid = child.id().unwrap();
    let listing = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    interrupt(&child).await;
    assert!(child.wait().await.unwrap().success());
    let log = std::fs::read_to_string(log.path()).unwrap();
    let log: Vec<&str> = log.lines().collect();
    let mut table = Vec::new();
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("sqlite") {
            table.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(
        table.len() > 1000 && log.len() > 100,
        "there is something to look into"
    );
    let secret_of = |key: &str| key.trim().rsplit_once('_').unwrap().1.to_owned();
    let secrets = [
        secret_of(&key),
        secret_of(&forged),
        pepper.trim().to_owned(),
        secret_of(&file("webhook-secret")),
    ];
    let more = ["hunter2", "eyJzdWIiOiJodW50ZXIyIn0"].map(str::to_owned);
    for secret in secrets.iter().chain(&more) {
        let is_in = |bytes: &[u8]| {
            bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        };
        assert!(!is_in(&listing), "{secret} in the process listing");
        assert!(!is_in(&table), "{secret} in the table");
        for line in &log {
            assert!(!is_in(line.as_bytes()), "{secret} in {line}");
        }
    }
    for name in ["key", "pepper", "webhook-secret"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(data.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name} is its owner's alone");
    }
}
