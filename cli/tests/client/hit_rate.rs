//! `lambent documents hit-rate`.

use super::*;

fn hit(document_id: &str, text: &str) -> Value {
    json!({
        "score": 0.8, "document_id": document_id, "title": "T", "metadata": {}, "chunk": 0, "start": 0, "end": 9, "text": text,
    })
}

fn questions() -> tempfile::TempDir {
    let questions = json!([
        {"question": "When does it leave?", "document_id": "trains.md", "contains": "at 21:40"},
        {"question": "How often?", "document_id": "bus.md", "contains": "every hour"},
        {"question": "How much?", "document_id": "bus.md", "contains": "two euros"},
    ]);
    folder(&[("questions.json", questions.to_string().as_bytes())])
}

async fn server() -> Server {
    let server = Server::start().await;
    let trains = json!({
        "document_id": "trains.md", "title": "T", "metadata": {}, "chunks": 1, "embedding_model": "test",
        "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T10:00:00Z",
    });
    let trains = serde_json::from_value(trains).unwrap();
    let mut seen = server.seen.lock().unwrap();
    seen.documents.insert("trains.md".to_owned(), trains);
    drop(seen);
    server.seen.lock().unwrap().hits = [
        json!([
            hit("bus.md", "at 21:40"),
            hit("trains.md", "It leaves\nat 21:40.")
        ]),
        json!([hit("bus.md", "Every hour.")]),
        json!([hit("bus.md", "Every hour.")]),
    ]
    .into();
    server.seen.lock().unwrap().answer = json!({
        "citations": [{"n": 2, "document_id": "trains.md", "chunk": 0, "quote": "at 21:40", "basis": "matched"}],
        "sources": [
            {"n": 1, "document_id": "bus.md", "title": "B", "chunk": 0, "score": 0.8, "text": "Every hour."},
            {"n": 2, "document_id": "trains.md", "title": "T", "chunk": 0, "score": 0.8, "text": "It leaves at 21:40."},
        ],
    });
    server
}

#[tokio::test]
async fn ranks_and_rates_are_told_question_by_question() {
    let (server, folder) = (server().await, questions());
    let done = run(
        &server,
        folder.path(),
        &["documents", "hit-rate", "questions.json", "--at-least", "0.6"],
    )
    .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(
        done.stdout,
        "RANK  QUESTION\n2     When does it leave?\n1     How often?\n-     How much?\n\n\
         hit@1 0.33, hit@5 0.67, MRR 0.50 (3 questions)\n"
    );
    assert_eq!(
        done.stderr,
        "bus.md is not among your documents, which `lambent documents list` shows: an id is the path that a file was added by\n"
    );
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.asked[0], json!({"query": "When does it leave?", "top_k": 5}));
}

#[tokio::test]
async fn with_answers_it_tells_which_cite_the_passage_and_fails_below_the_rate() {
    let (server, folder) = (server().await, questions());
    let done = run(
        &server,
        folder.path(),
        &[
            "documents",
            "hit-rate",
            "questions.json",
            "--ask",
            "--at-least",
            "0.7",
        ],
    )
    .await;
    assert_eq!(done.code, Some(1), "{done:?}");
    for line in [
        "2     matched  When does it leave?",
        "1     -        How often?",
        "cited 0.33, for what the answer says 0.33",
    ] {
        assert!(
            done.stdout.lines().any(|shown| shown == line),
            "{line} in {done:?}"
        );
    }
    assert_eq!(
        done.stderr.lines().last(),
        Some("lambent: hit@5 is 0.67, and was to be at least 0.70")
    );
}

#[tokio::test]
async fn a_file_that_holds_no_questions_is_named() {
    let server = Server::start().await;
    let folder = folder(&[("empty.json", b"[]"), ("wrong.json", b"[{\"question\": 1}]")]);
    for file in ["empty.json", "wrong.json", "none.json"] {
        let done = run(&server, folder.path(), &["documents", "hit-rate", file]).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains(&format!("lambent: {file}: ")), "{done:?}");
    }
}
