//! What `lambent dev` tells the person who started it. On standard error: standard output is the log's.

use std::{fs, io::Write as _, path::Path};

use lambent::dev::{self, Running, StartError};
use lambent_callers::ApiKey;

/// The sample document: the bodies of the functions' own test events.
const SAMPLES: [(&str, &str); 2] = [
    ("analyse.json", include_str!("../../events/analyse.json")),
    (
        "analyse-stream.json",
        include_str!("../../events/analyse-stream.json"),
    ),
];

/// What `sam local` tells functions while this runs (samconfig.toml names it): where this database and model are.
const SAM_LOCAL: &str = "sam-local.json";

/// Says where everything is, with three commands to try. Their sample bodies are written to the data folder.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn welcome(running: &Running, data: &Path) -> Result<(), StartError> {
    write_samples(data).map_err(|error| StartError::Folder(data.to_owned(), error))?;
    say(&text(running, data));
    Ok(())
}

/// Writes what `sam local` has to tell functions, and says so.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn tell_sam(running: &Running, data: &Path) -> Result<(), StartError> {
    write_sam_local(running, data).map_err(|error| StartError::Folder(data.to_owned(), error))?;
    say(
        "Functions under `sam local` use this database and model:\n\n  sam build && sam local invoke AnalyseFunction -e events/analyse.json\n",
    );
    Ok(())
}

/// Takes back what holds only while this runs.
pub(crate) fn farewell(data: &Path) {
    // It may be gone, or the folder with it.
    let _ = fs::remove_file(data.join(SAM_LOCAL));
}

/// A line, or several, for the person at the terminal.
pub(crate) fn say(text: &str) {
    // Nobody can be told if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn write_samples(data: &Path) -> std::io::Result<()> {
    fs::create_dir_all(data)?;
    for (name, event) in SAMPLES {
        let event: serde_json::Value = serde_json::from_str(event)?;
        fs::write(data.join(name), event["body"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn write_sam_local(running: &Running, data: &Path) -> std::io::Result<()> {
    let variables: serde_json::Map<_, _> = running
        .variables
        .iter()
        // What listens on loopback only Docker Desktop's containers can reach, and by that name.
        .map(|(name, value)| {
            let value = value.replace("//127.0.0.1:", "//host.docker.internal:");
            (name.clone(), value.into())
        })
        .collect();
    let parameters = serde_json::json!({"Parameters": variables});
    dev::keys::write_secret(&data.join(SAM_LOCAL), &format!("{parameters:#}\n"))
}

fn text(running: &Running, data: &Path) -> String {
    let url = &running.url;
    let data = data.display();
    let place = |url: &Option<String>, here: String| {
        url.as_ref()
            .map_or("elsewhere".to_owned(), |url| format!("{url}{here}"))
    };
    let database = place(&running.database_url, format!(" (data in {data})"));
    let model = place(&running.model_url, " (in this process)".to_owned());
    let key = running.key.as_ref().map_or("$KEY".to_owned(), ApiKey::reveal);
    let key = format!("-H 'x-api-key: {key}'");
    format!(
        "
Lambent answers on {url}

  docs      {url}/docs
  model     {}, {model}
  DynamoDB  {database}
  webhooks  {url}/webhooks/stripe (signed with what {data}/webhook-secret or LAMBENT_WEBHOOK_SECRETS has)

An analysis of a report of 300 words:

  curl -s {url}/analyse {key} -H 'content-type: application/json' -d @{data}/analyse.json

The same as it is written:

  curl -N {url}/analyse/stream {key} -H 'content-type: application/json' -d @{data}/analyse-stream.json

All that is wrong with a request, at once:

  curl -s {url}/analyse {key} -H 'content-type: application/json' -d '{{\"text\": \"Too short\", \"analysis_type\": \"x\", \"max_findings\": 0}}'

Keys for others: `cargo run -- keys create --help`. Ctrl-C stops it.
",
        running.model
    )
}
