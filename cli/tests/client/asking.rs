//! `lambent ask`.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    sync::mpsc::{self, UnboundedSender},
};

use super::*;

fn event(name: &str, data: Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn sources() -> Value {
    json!([
        {"n": 1, "document_id": "trains.md", "title": "Night trains", "chunk": 0, "score": 0.861, "text": "It leaves\nat 21:40."},
        {"n": 2, "document_id": "bus.md", "title": "Buses", "chunk": 3, "score": 0.7, "text": "Every hour."},
    ])
}

fn citations() -> Value {
    json!([{"n": 1, "document_id": "trains.md", "chunk": 0, "quote": "It leaves\nat 21:40.", "basis": "named"}])
}

fn answered() -> String {
    event(
        "done",
        json!({
            "grounded": true, "citations": citations(), "invented_citations": 0, "model": "test",
            "usage": {"input_tokens": 612, "output_tokens": 41}, "cost": {"tokens": 817, "compute": 11},
            "finish_reason": "stop", "timings": {"model": 812.0}, "request_id": "r-1",
        }),
    )
}

/// An API that will answer the next question with what is sent here.
async fn answering() -> (Server, UnboundedSender<String>) {
    let server = Server::start().await;
    let (pieces, receiver) = mpsc::unbounded_channel();
    server.seen.lock().unwrap().pieces = Some(receiver);
    (server, pieces)
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn an_answer_is_shown_as_it_is_written_and_then_what_it_cites() {
    let (server, pieces) = answering().await;
    let arguments = [
        "ask",
        "When does it leave?",
        "--top-k",
        "3",
        "--filter",
        "year=2026",
        "--sources",
    ];
    let mut child = lambent(&server.url, here(), &arguments).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    pieces
        .send(event("sources", json!({"sources": sources()})))
        .unwrap();
    for piece in ["It leaves\u{1b}[2J ", "at "] {
        pieces.send(event("delta", json!({"text": piece}))).unwrap();
        // In two pieces, as networks do, and with a comment between.
        pieces.send(": still here\n".to_owned()).unwrap();
        let mut shown = vec![0; piece.replace('\u{1b}', "").len()];
        let read = timeout(Duration::from_secs(20), stdout.read_exact(&mut shown)).await;
        read.expect("it is shown before the end").unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), piece.replace('\u{1b}', ""));
    }
    let rest = event("delta", json!({"text": "21:40 [1]."}));
    let (begin, end) = rest.split_at(20);
    pieces.send(begin.to_owned()).unwrap();
    pieces.send(end.to_owned()).unwrap();
    pieces.send(answered()).unwrap();
    let mut text = String::new();
    timeout(Duration::from_secs(20), stdout.read_to_string(&mut text))
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(
        text,
        "21:40 [1].\n\n[1] Night trains, trains.md:0: \"It leaves at 21:40.\"\n\nSources:\n\
         [1] Night trains, trains.md:0, score 0.86: It leaves at 21:40.\n[2] Buses, bus.md:3, score 0.70: Every hour.\n"
    );
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.ends_with(" s, 612 tokens read, 41 written, $0.000828\n"),
        "{said}"
    );
    assert_eq!(
        server.seen.lock().unwrap().asked,
        [json!({"question": "When does it leave?", "top_k": 3, "filter": {"year": 2026}})]
    );
}

#[tokio::test]
async fn an_error_in_the_stream_is_told_after_what_was_written() {
    let (server, pieces) = answering().await;
    pieces.send(event("delta", json!({"text": "It leaves"}))).unwrap();
    let error = json!({"message": "The model stopped answering.", "type": "server_error", "code": "timeout", "request_id": "r-1"});
    pieces.send(event("error", json!({"error": error}))).unwrap();
    let done = run(&server, here(), &["ask", "When?"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(done.stdout, "It leaves\n");
    assert_eq!(
        done.stderr,
        "lambent: The model stopped answering. (timeout, request r-1)\n"
    );
}

#[tokio::test]
async fn an_answer_without_an_end_is_no_answer() {
    let (server, pieces) = answering().await;
    pieces.send(event("delta", json!({"text": "It leaves"}))).unwrap();
    drop(pieces);
    let done = run(&server, here(), &["ask", "When?"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("broke off"), "{done:?}");
}

#[tokio::test]
async fn a_refusal_before_the_answer_is_told() {
    let server = Server::start().await;
    let done = run(&server, here(), &["ask", "When?"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(
        done.stderr,
        "lambent: It was refused. (model_failed, request r-1)\n"
    );
}

#[tokio::test]
async fn json_is_the_answer_as_it_came() {
    let server = Server::start().await;
    let answer = json!({"answer": "It leaves at 21:40 [1].", "citations": citations(), "new_field": 1});
    server.seen.lock().unwrap().answer = answer.clone();
    let done = run(&server, here(), &["ask", "When?", "--json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.stdout, format!("{answer}\n"));
    assert_eq!(done.stderr, "");
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_stops_it_at_once() {
    let (server, pieces) = answering().await;
    pieces
        .send(event("delta", json!({"text": "It leaves\n"})))
        .unwrap();
    let mut child = lambent(&server.url, here(), &["ask", "When?"]).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).await.unwrap();
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("/bin/sh")
        .args(["-c", "kill -INT \"$0\"", &pid])
        .status();
    assert!(kill.await.unwrap().success());
    let status = timeout(Duration::from_secs(2), child.wait())
        .await
        .expect("at once");
    assert!(!status.unwrap().success());
}
