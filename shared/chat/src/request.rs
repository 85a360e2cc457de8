//! One request to the management API, signed with the function's credentials (AWS Signature Version 4) where there are any.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What does not stand for something else in a segment of a path (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whose rights requests have.
#[derive(Clone)]
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
}

impl Signer {
    /// With the credentials that Lambda gives a function; `None` without any.
    pub(crate) fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        let credentials = Credentials::new(
            get("AWS_ACCESS_KEY_ID")?,
            get("AWS_SECRET_ACCESS_KEY")?,
            get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"))?;
        Some(Self { credentials, region })
    }
}

/// The request about a connection, below the API's stage.
pub(crate) fn request(
    base_url: &str,
    connection: &str,
    method: Method,
    body: String,
    signer: Option<&Signer>,
    now: SystemTime,
) -> Result<Request<String>, BoxError> {
    let id = utf8_percent_encode(connection, SEGMENT);
    let url = format!("{}/@connections/{id}", base_url.trim_end_matches('/'));
    let mut request = Request::builder().method(method).uri(&url).body(body)?;
    let Some(signer) = signer else {
        return Ok(request);
    };
    let identity = signer.credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&signer.region)
        .name("execute-api")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let host = request.uri().authority().map(ToString::to_string);
    let host = host.unwrap_or_default();
    let headers = [("host", host.as_str())].into_iter();
    let body = SignableBody::Bytes(request.body().as_bytes());
    let signable = SignableRequest::new(request.method().as_str(), url.as_str(), headers, body)?;
    let (instructions, _signature) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn signer() -> Signer {
        Signer::from_lookup(&|name| {
            let value = match name {
                "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
                "AWS_SECRET_ACCESS_KEY" => "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                "AWS_SESSION_TOKEN" => "a session",
                "AWS_REGION" => "eu-west-1",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap()
    }

    #[test]
    fn a_request_is_signed_for_the_gateway_with_its_id_encoded() {
        let request = request(
            "https://abc.execute-api.eu-west-1.amazonaws.com/v1/",
            "L0SM9cOFvHcCIhw=",
            Method::POST,
            "{}".to_owned(),
            Some(&signer()),
            UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        )
        .unwrap();
        assert_eq!(
            request.uri(),
            "https://abc.execute-api.eu-west-1.amazonaws.com/v1/@connections/L0SM9cOFvHcCIhw%3D"
        );
        let signature = request.headers()["authorization"].to_str().unwrap();
        let scope = "Credential=AKIDEXAMPLE/20270115/eu-west-1/execute-api/aws4_request";
        assert!(
            signature.starts_with("AWS4-HMAC-SHA256 ") && signature.contains(scope),
            "{signature}"
        );
        assert!(
            signature.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"),
            "{signature}"
        );
        assert_eq!(request.headers()["x-amz-security-token"], "a session");
    }

    #[test]
    fn without_credentials_nothing_is_signed() {
        let request = request(
            "http://127.0.0.1:1",
            "a b",
            Method::GET,
            String::new(),
            None,
            UNIX_EPOCH,
        )
        .unwrap();
        assert_eq!(request.uri().path(), "/@connections/a%20b");
        assert!(request.headers().is_empty());
    }
}
