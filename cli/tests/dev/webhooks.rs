//! Events of others, sent as the README says.

use super::*;

const README: &str = include_str!("../../../README.md");

/// The README's commands on webhooks, with this machine's addresses for the README's.
fn commands(url: &str, data: &str) -> String {
    let (_, section) = README.split_once("## Be told by others").unwrap();
    let (_, commands) = section.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    let lambent = format!("{} keys", env!("CARGO_BIN_EXE_lambent"));
    let create = format!("{lambent} create --data {data}");
    let commands = commands
        .replace("cargo run -q -- keys create", &create)
        .replace(
            "cargo run -q -- keys list",
            &format!("{lambent} list --data {data}"),
        )
        .replace("http://127.0.0.1:3000", url)
        .replace(".lambent/", &format!("{data}/"));
    assert!(!commands.contains("cargo run"), "{commands}");
    commands
}

async fn run(script: &str) -> String {
    let output = Command::new("/bin/sh")
        .args(["-euc", script])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_readme_s_commands_sign_a_payment_and_top_up_a_key() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut child = lambent(&upstream, &["--port", "0", "--data", folder])
        .spawn()
        .unwrap();
    let (url, said, _stderr) = welcomed(&mut child).await;
    assert!(said.contains(&format!("{url}/webhooks/stripe")), "{said}");
    let secret = std::fs::read_to_string(data.path().join("webhook-secret")).unwrap();
    assert!(!said.contains(&secret), "{said}");
    let commands = commands(&url, folder);
    let (send, list) = commands.trim_end().rsplit_once('\n').unwrap();
    let told = run(send).await;
    assert!(told.contains(r#"{"status":"received"}"#), "{told}");
    // It is handled a moment later.
    let mut listed = String::new();
    for _ in 0..100 {
        listed = run(list).await;
        if listed.contains("15.00") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(listed.contains("15.00"), "{listed}");
    stopped(child).await;
}
