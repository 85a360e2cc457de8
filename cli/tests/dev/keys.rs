//! `lambent keys`.

use super::*;

/// `lambent keys` with the local database, and what it printed.
async fn keys(data: &std::path::Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lambent"))
        .arg("keys")
        .args(arguments)
        .args(["--data", data.to_str().unwrap()])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn keys_are_made_listed_rotated_and_revoked_beside_a_running_api_and_without_one() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let create = [
        "create",
        "--name",
        "alice",
        "--scope",
        "analyse",
        "--rate",
        "60/min",
        "--burst",
        "10",
        "--budget",
        "5.00/month",
    ];
    let (done, before, said) = keys(data.path(), &create).await;
    assert!(done, "{said}");
    assert!(said.contains("cannot be shown again"), "{said}");

    let mut child = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    )
    .spawn()
    .unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let status = async |key: &str| {
        let sent = reqwest::Client::new()
            .post(format!("{url}/analyse"))
            .header("x-api-key", key.trim());
        sent.json(&summary()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&before).await, 200, "made before");
    let (done, key, said) = keys(data.path(), &create).await;
    assert!(done, "{said}");
    assert_eq!(status(&key).await, 200, "made beside");
    let id = ApiKey::parse(key.trim()).unwrap().id().to_owned();
    let (_, list, _) = keys(data.path(), &["list"]).await;
    let line = list.lines().find(|line| line.starts_with(&id)).unwrap();
    for part in ["alice", "analyse", "1 in 1000 ms, burst 10", "$5.00 of $5.00"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(
        list.lines().count(),
        4,
        "a head, the developer's key and two: {list}"
    );
    assert!(
        !list.contains(
            ApiKey::parse(key.trim())
                .unwrap()
                .reveal()
                .rsplit_once('_')
                .unwrap()
                .1
        )
    );

    let (done, rotated, _) = keys(data.path(), &["rotate", &id, "--keep-old", "0s"]).await;
    assert!(done);
    assert_eq!((status(&key).await, status(&rotated).await), (401, 200));
    assert!(keys(data.path(), &["revoke", &id]).await.0);
    assert_eq!(status(&rotated).await, 401);
    let (done, _, said) = keys(data.path(), &["revoke", &id]).await;
    assert!(!done && said.contains("there is no key"), "{said}");
    for wrong in [
        &["create", "--name", "x", "--scope", "everything"][..],
        &["create", "--name", "x", "--scope", "analyse", "--rate", "often"],
    ] {
        assert!(!keys(data.path(), wrong).await.0, "{wrong:?}");
    }
    stopped(child).await;
}
