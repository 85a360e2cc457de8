//! `lambent documents add`, `list` and `delete`.

use lambent_schema::endpoints::documents::MetadataValue;

use super::*;

const TRAINS: &[u8] = b"# Night trains\n\nIt leaves Santa Apolonia at 21:40.\n";

#[tokio::test]
async fn files_and_folders_become_documents_with_ids_titles_and_metadata() {
    let server = Server::start().await;
    let folder = folder(&[
        ("docs/trains.md", TRAINS),
        ("docs/more/bus lines.txt", b"Every hour."),
        ("docs/image.png", b"\x89PNG\r\n\x1a\n"),
        ("notes.rst", b"Notes"),
    ]);
    let arguments = [
        "documents",
        "add",
        "docs",
        "./docs/trains.md",
        "notes.rst",
        "--metadata",
        "year=2026",
        "--metadata",
        "team=night",
    ];
    let done = run(&server, folder.path(), &arguments).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("added      docs/trains.md (1 chunk)"),
        "{done:?}"
    );
    assert!(done.stderr.ends_with("3 added\n"), "{done:?}");

    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.puts.len(), 3, "{:?}", seen.puts);
    assert_eq!(seen.documents["notes.rst"].title, "notes.rst");
    let (lossy, bus) = (seen.documents.iter())
        .find(|(id, _)| id.starts_with("docs:more:bus-lines.txt-"))
        .unwrap();
    assert_eq!((lossy.len(), bus.title.as_str()), (36, "bus lines.txt"));
    let trains = &seen.documents["docs:trains.md"];
    let text = |text: &str| MetadataValue::Text(text.to_owned());
    assert_eq!(trains.title, "Night trains");
    assert_eq!(trains.metadata["source"], text("docs/trains.md"));
    assert_eq!(trains.metadata["team"], text("night"));
    assert_eq!(trains.metadata["year"], MetadataValue::Number(2026.into()));
    let MetadataValue::Text(hash) = &trains.metadata["sha256"] else {
        panic!("a text")
    };
    assert_eq!(hash.len(), 64);
}

#[tokio::test]
async fn what_was_added_before_it_was_killed_is_not_sent_again() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", b"one"), ("b.md", b"two"), ("c.md", b"three")]);
    server.seen.lock().unwrap().hangs_at = Some("b.md".to_owned());
    let add = ["documents", "add", "a.md", "b.md", "c.md"];
    let mut killed = lambent(&server.url, folder.path(), &add).spawn().unwrap();
    until(|| server.puts().len() == 3 && server.seen.lock().unwrap().documents.len() == 2).await;
    killed.kill().await.unwrap();

    server.seen.lock().unwrap().hangs_at = None;
    let done = run(&server, folder.path(), &add).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("unchanged  a.md"), "{done:?}");
    assert!(done.stderr.contains("added      b.md"), "{done:?}");
    assert!(done.stderr.ends_with("1 added, 2 unchanged\n"), "{done:?}");
    let mut puts = server.puts();
    puts.sort();
    assert_eq!(puts, ["a.md", "b.md", "b.md", "c.md"]);
}

#[tokio::test]
async fn what_has_changed_is_replaced_and_so_is_all_of_it_when_asked() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", b"one"), ("b.md", b"two")]);
    let add = ["documents", "add", "."];
    assert!(
        run(&server, folder.path(), &add)
            .await
            .stderr
            .ends_with("2 added\n")
    );
    std::fs::write(folder.path().join("a.md"), "one and a half").unwrap();
    let done = run(&server, folder.path(), &add).await;
    assert!(done.stderr.contains("replaced   ./a.md"), "{done:?}");
    assert!(done.stderr.ends_with("1 replaced, 1 unchanged\n"), "{done:?}");
    // What is said of a document is part of it.
    let named = [&add[..], &["--metadata", "n=1.50"]].concat();
    assert!(
        run(&server, folder.path(), &named)
            .await
            .stderr
            .ends_with("2 replaced\n")
    );
    assert!(
        run(&server, folder.path(), &named)
            .await
            .stderr
            .ends_with("2 unchanged\n")
    );
    let again = [&named[..], &["--again"]].concat();
    assert!(
        run(&server, folder.path(), &again)
            .await
            .stderr
            .ends_with("2 replaced\n")
    );
}

#[tokio::test]
async fn files_that_are_no_documents_are_refused_and_the_others_are_added() {
    let server = Server::start().await;
    let long = "a".repeat(200_001);
    let folder = folder(&[
        ("a.md", TRAINS),
        ("b.pdf", b"%PDF-1.7\n\xe2\xe3\xcf\xd3"),
        ("c.md", long.as_bytes()),
        ("d.md", TRAINS),
        ("empty/x.png", b"x"),
    ]);
    let arguments = [
        "documents",
        "add",
        "a.md",
        "b.pdf",
        "c.md",
        "none.md",
        "empty",
        "d.md",
    ];
    let done = run(&server, folder.path(), &arguments).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    for part in [
        "failed     b.pdf: it is not text in UTF-8",
        "failed     c.md: it has 200001 characters, and a document may have 200000 characters: split it",
        "failed     none.md: it cannot be read",
        "failed     empty: no files in it",
        "added      a.md",
        "added      d.md",
        "lambent: 2 added, 4 failed",
    ] {
        assert!(done.stderr.contains(part), "{part} in {done:?}");
    }
}

#[tokio::test]
async fn a_429_is_waited_out_and_said() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", TRAINS)]);
    for (status, code) in [(429, "rate_limited"), (503, "model_busy")] {
        server.seen.lock().unwrap().instead.push_back(Refusal {
            status,
            code,
            retry_after: Some(1),
        });
    }
    let begun = std::time::Instant::now();
    let done = run(&server, folder.path(), &["documents", "add", "a.md"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(
        done.stderr
            .contains("It was refused. (rate_limited): waiting 1 s"),
        "{done:?}"
    );
    assert!(
        done.stderr.contains("It was refused. (model_busy): waiting 1 s"),
        "{done:?}"
    );
    assert_eq!(server.puts().len(), 3);
}

#[tokio::test]
async fn a_wait_without_end_is_a_failure_and_a_spent_budget_stops_all() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", TRAINS), ("b.md", TRAINS)]);
    let refuse = |status, code, retry_after| {
        server.seen.lock().unwrap().instead.push_back(Refusal {
            status,
            code,
            retry_after,
        });
    };
    refuse(503, "model_busy", None);
    refuse(429, "rate_limited", Some(3600));
    let done = run(&server, folder.path(), &["documents", "add", "."]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("(model_busy, request r-1)"), "{done:?}");
    assert!(done.stderr.contains("(rate_limited, request r-1)"), "{done:?}");
    assert!(done.stderr.contains("2 failed"), "{done:?}");

    refuse(429, "budget_exceeded", Some(86_400));
    refuse(429, "budget_exceeded", Some(86_400));
    let done = run(&server, folder.path(), &["documents", "add", "."]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(
        done.stderr,
        "lambent: It was refused. (budget_exceeded, request r-1)\n"
    );
}

#[tokio::test]
async fn a_long_text_is_a_job_that_is_waited_for_also_by_the_next_command() {
    let server = Server::start().await;
    let long = "The night train leaves at 21:40. ".repeat(2000);
    let folder = folder(&[("long.txt", long.as_bytes())]);
    let add = ["documents", "add", "long.txt"];
    server.seen.lock().unwrap().polls_needed = usize::MAX;
    let mut killed = lambent(&server.url, folder.path(), &add).spawn().unwrap();
    until(|| server.seen.lock().unwrap().polls > 0).await;
    killed.kill().await.unwrap();

    {
        let mut seen = server.seen.lock().unwrap();
        seen.polls_needed = seen.polls + 2;
    }
    let done = run(&server, folder.path(), &add).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("added      long.txt (67 chunks)"),
        "{done:?}"
    );
    let puts = server.seen.lock().unwrap().puts.clone();
    assert_eq!(puts.len(), 2, "one job, found again: {puts:?}");
    assert!(puts[0].1.is_some() && puts[0] == puts[1], "{puts:?}");

    // The job's answer comes again for a day, but its document is gone, and the job will not bring it back: it is sent anew.
    server.seen.lock().unwrap().forgets = true;
    server.seen.lock().unwrap().documents.clear();
    let done = run(&server, folder.path(), &add).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let puts = server.seen.lock().unwrap().puts.clone();
    assert_eq!(puts.len(), 4, "{puts:?}");
    assert!(puts[2] == puts[0] && puts[3].1.is_none(), "{puts:?}");
}

#[tokio::test]
async fn documents_are_listed_page_by_page_and_deleted() {
    let server = Server::start().await;
    let folder = folder(&[("a.md", TRAINS), ("b.md", b"two"), ("c.md", b"three")]);
    let empty = run(&server, folder.path(), &["documents", "list"]).await;
    assert!(
        empty.stdout.is_empty() && empty.stderr.contains("no documents"),
        "{empty:?}"
    );
    run(&server, folder.path(), &["documents", "add", "."]).await;
    let list = run(&server, folder.path(), &["documents", "list"]).await;
    let lines: Vec<_> = list.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{list:?}");
    for part in ["a.md", "Night trains", "1", "2026-11-21"] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }

    let done = run(
        &server,
        folder.path(),
        &["documents", "delete", "a.md", "x", "b.md"],
    )
    .await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(
        done.stderr.contains("deleted    a.md") && done.stderr.contains("deleted    b.md"),
        "{done:?}"
    );
    assert!(
        done.stderr
            .contains("failed     x: It was refused. (not_found, request r-1)"),
        "{done:?}"
    );
    assert!(
        done.stderr
            .ends_with("lambent: 1 of 3 documents were not deleted\n"),
        "{done:?}"
    );
    assert_eq!(server.seen.lock().unwrap().documents.len(), 1);
}
