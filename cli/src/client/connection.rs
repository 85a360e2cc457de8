//! The way to the API: its address, the caller's key, and patience where it asks for some.

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use lambent_schema::{Endpoint, Method, Problem};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::Failure;

/// Where `cargo run` answers.
const LOCAL: &str = "http://127.0.0.1:3000";
/// Longer than any answer takes that is not a model's.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);
/// How long one request is willing to wait in all, where the API asks it to come back later.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Where the API is, and who calls.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The API's address.
    #[arg(long, env = "LAMBENT_URL", default_value = LOCAL, global = true)]
    url: String,
    /// The folder with the key that `cargo run` made, which is used where LAMBENT_API_KEY is not set.
    #[arg(long, default_value = ".lambent", global = true)]
    data: PathBuf,
}

/// An API, and a key for it.
pub(crate) struct Api {
    client: Client,
    base: Url,
    key: HeaderValue,
    say: Box<dyn Fn(&str)>,
}

impl Connection {
    /// A way to the API. What `say` is told is for the person at the terminal.
    ///
    /// # Errors
    /// The address is none, or there is no key.
    pub(crate) fn open(&self, say: impl Fn(&str) + 'static) -> Result<Api, Failure> {
        let base = self.base()?;
        let here = is_here(&base);
        let mut client = lambent_http::client().connect_timeout(Duration::from_secs(10));
        if here {
            client = client.no_proxy();
        }
        Ok(Api {
            client: client.build()?,
            key: self.key(here)?,
            base,
            say: Box::new(say),
        })
    }

    fn base(&self) -> Result<Url, Failure> {
        let url = match self.url.trim() {
            "" => LOCAL,
            url => url,
        };
        let wrong = || Failure::Url(url.to_owned());
        let base = Url::parse(url).map_err(|_| wrong())?;
        match base.scheme() {
            "http" | "https" => Ok(base),
            _ => Err(wrong()),
        }
    }

    fn key(&self, here: bool) -> Result<HeaderValue, Failure> {
        let named = env::var("LAMBENT_API_KEY").ok();
        let named = named.filter(|key| !key.trim().is_empty());
        let key = match named {
            Some(key) => key,
            None if here => {
                let file = self.data.join("key");
                fs::read_to_string(&file).map_err(|_| Failure::NoKey(file))?
            }
            None => return Err(Failure::NoKeyForElsewhere),
        };
        let mut key = HeaderValue::try_from(key.trim()).map_err(|_| Failure::Key)?;
        key.set_sensitive(true);
        Ok(key)
    }
}

/// Whether the address is of this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || ip.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

impl Api {
    /// A request to this endpoint: with what is put into its path, and its query.
    pub(crate) fn call<E: Endpoint>(
        &self,
        parameter: Option<&str>,
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let url = url::<E>(&self.base, parameter, query);
        let method = match E::METHOD {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let patience = LONGEST_ANSWER.max(Duration::from_secs(u64::from(E::TIMEOUT_SECS) + 10));
        self.client
            .request(method, url)
            .header("x-api-key", self.key.clone())
            .timeout(patience)
    }

    /// A request with a body.
    pub(crate) fn post<E: Endpoint>(&self, body: &Value) -> RequestBuilder {
        self.call::<E>(None, &[])
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
    }

    /// The answer, if it is a good one. A refusal that says when to come back is waited for, and said.
    ///
    /// # Errors
    /// The API cannot be reached, refuses, or asks for too much patience.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let begun = Instant::now();
        loop {
            // Bodies are bytes here, so that all requests can be sent again.
            let attempt = request.try_clone().ok_or(Failure::BrokeOff)?;
            let response = attempt.send().await.map_err(|error| self.unreachable(error))?;
            if response.status().is_success() {
                return Ok(response);
            }
            let pause = pause(&response);
            let problem = problem(response).await?;
            match pause.filter(|pause| begun.elapsed() + *pause <= LONGEST_WAIT) {
                Some(pause) => {
                    let seconds = pause.as_secs();
                    (self.say)(&format!(
                        "{} ({}): waiting {seconds} s",
                        problem.detail, problem.code
                    ));
                    tokio::time::sleep(pause).await;
                }
                None => return Err(Failure::Refused(Box::new(problem))),
            }
        }
    }

    /// The same, with what it holds.
    ///
    /// # Errors
    /// As above, or it is not what the contract says.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        read(self.send(request).await?).await
    }

    /// The same, or `None` where there is no such thing.
    ///
    /// # Errors
    /// As above, but for a 404.
    pub(crate) async fn found<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<Option<T>, Failure> {
        match self.json(request).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let url = self.base.as_str().trim_end_matches('/').to_owned();
        match (error.is_connect(), is_here(&self.base)) {
            (true, true) => Failure::NobodyHere(url),
            (true, false) => Failure::Unreachable { url, source: error },
            (false, _) => Failure::Broken(error),
        }
    }
}

/// What an answer holds.
///
/// # Errors
/// It breaks off, or is not what the contract says.
pub(crate) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let status = response.status();
    let body = response.bytes().await?;
    serde_json::from_slice(&body)
        .map_err(|_| Failure::Unexpected(format!("the answer ({status}) is not as expected")))
}

/// When to come back, if the answer says so.
fn pause(response: &Response) -> Option<Duration> {
    let later = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = seconds.parse().ok()?;
    // At least one, so that nobody asks in a circle.
    later
        .contains(&response.status())
        .then(|| Duration::from_secs(seconds.max(1)))
}

async fn problem(response: Response) -> Result<Problem, Failure> {
    let status = response.status();
    let mut body: Map<String, Value> = read(response).await?;
    // The gateway cannot name the status in what it answers by itself.
    body.insert("status".to_owned(), status.as_u16().into());
    serde_json::from_value(Value::Object(body))
        .map_err(|_| Failure::Unexpected(format!("the answer ({status}) is not as expected")))
}

fn url<E: Endpoint>(base: &Url, parameter: Option<&str>, query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty();
        for segment in E::PATH.split('/').filter(|segment| !segment.is_empty()) {
            let is_parameter = segment.starts_with('{');
            segments.push(if is_parameter {
                parameter.unwrap_or_default()
            } else {
                segment
            });
        }
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::{documents::DocumentsGet, jobs::JobsGet};

    use super::*;

    #[test]
    fn a_path_is_the_contract_s_below_the_address() {
        let base = Url::parse("https://api.example/v1").unwrap();
        assert_eq!(
            url::<JobsGet>(&base, Some("7"), &[("wait", "20")]).as_str(),
            "https://api.example/v1/jobs/7?wait=20"
        );
        let base = Url::parse("http://127.0.0.1:3000/").unwrap();
        assert_eq!(
            url::<DocumentsGet>(&base, Some("a/b?c:d.md"), &[]).as_str(),
            "http://127.0.0.1:3000/documents/a%2Fb%3Fc:d.md"
        );
    }

    #[test]
    fn this_machine_has_several_names() {
        for (url, here) in [
            ("http://127.0.0.1:3000", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("https://127.0.0.1.example", false),
            ("https://api.example/v1", false),
        ] {
            assert_eq!(is_here(&Url::parse(url).unwrap()), here, "{url}");
        }
    }
}
