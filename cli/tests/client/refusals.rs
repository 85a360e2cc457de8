//! What is said where there is no way to the API.

use super::*;

async fn said(mut command: Command, change: impl FnOnce(&mut Command)) -> String {
    change(&mut command);
    let done = done(command).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(done.stdout, "");
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    done.stderr
}

#[tokio::test]
async fn where_nobody_listens_it_is_said_what_to_start() {
    let folder = folder(&[("a.md", b"one"), ("b.md", b"two")]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for arguments in [
        &["ask", "When?"][..],
        &["documents", "add", "a.md", "b.md"],
        &["documents", "list"],
    ] {
        assert_eq!(
            said(lambent(&url, folder.path(), arguments), |_| {}).await,
            format!(
                "lambent: nothing answers on {url}: start `cargo run` in another terminal, or name another address with --url\n"
            )
        );
    }
}

#[tokio::test]
async fn the_key_of_the_data_folder_is_used_on_this_machine_only() {
    let server = Server::start().await;
    let folder = folder(&[("data/key", KEY.as_bytes())]);
    let list = |url: &str, data: &str| {
        let mut command = lambent(url, folder.path(), &["documents", "list", "--data", data]);
        command.env("LAMBENT_API_KEY", "");
        command
    };
    let done = done(list(&server.url, "data")).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let missing = said(list(&server.url, "elsewhere"), |_| {}).await;
    assert!(
        missing.contains("LAMBENT_API_KEY is not set, and elsewhere/key is not there"),
        "{missing}"
    );
    let abroad = said(list("https://api.example/v1", "data"), |_| {}).await;
    assert!(abroad.contains("sent to this machine only"), "{abroad}");
}

#[tokio::test]
async fn a_key_that_is_not_known_stops_all_with_one_line() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", b"one"), ("b.md", b"two")]);
    let said = said(
        lambent(&server.url, folder.path(), &["documents", "add", "."]),
        |command| {
            command.env("LAMBENT_API_KEY", "sk_other");
        },
    )
    .await;
    assert_eq!(said, "lambent: It was refused. (unauthenticated, request r-1)\n");
}

#[tokio::test]
async fn what_is_no_address_and_who_is_no_api_are_named() {
    let folder = folder(&[]);
    let wrong = said(lambent("here", folder.path(), &["documents", "list"]), |_| {}).await;
    assert!(
        wrong.contains("\"here\"") && wrong.contains("expected a URL"),
        "{wrong}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let page = axum::Router::new().fallback(async || (http::StatusCode::NOT_FOUND, "<html>"));
    tokio::spawn(async move { axum::serve(listener, page).await });
    let stranger = said(lambent(&url, folder.path(), &["documents", "list"]), |_| {}).await;
    assert!(
        stranger.contains("is this the address of a Lambent API?"),
        "{stranger}"
    );
}
