//! The README's chat in a real browser.
//!
//! The browser is Chromium (`CHROMIUM`, else `/usr/bin/chromium`), driven by `tests/browser/chat.mjs` on Node.js; `npm ci` in that folder fetches
//! the driver. Where one of them is missing the test says so and passes, unless `LAMBENT_REQUIRE_BROWSER=1` or `CI=true`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why it is skipped"
)]

use std::{path::Path, time::Duration};

use lambent_tests::{api::Api, upstream::Answer};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_snippet_of_the_readme_shows_an_answer_as_it_is_written() {
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned());
    if !browser.join("node_modules/playwright-core").exists() || !Path::new(&chromium).exists() {
        let is_set = |name, value| std::env::var(name).is_ok_and(|set| set == value);
        let missing =
            "no browser: run `npm ci` in tests/browser, and install Chromium or name it in CHROMIUM";
        let required = is_set("LAMBENT_REQUIRE_BROWSER", "1") || is_set("CI", "true");
        assert!(!required, "{missing}");
        eprintln!("skipped: {missing}");
        return;
    }
    let api = Api::here().await;
    let pace = Duration::from_millis(40);
    let text = "It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10, every night of the year.";
    api.upstream.otherwise(Answer::text(text).paced(pace, pace));
    let run = Command::new("node")
        .arg(browser.join("chat.mjs"))
        .arg(api.url(""))
        .env("CHAT_API_KEY", api.key.reveal())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert_eq!(api.upstream.counts().requests, 1);
}
