//! Amazon Bedrock with AWS credentials: short-term API keys, made here from the credentials of the environment.
//!
//! Bedrock takes a bearer token that is a presigned request in disguise: `bedrock-api-key-` and the base64 of a SigV4-signed URL.
//! It has the rights of the credentials that signed it (with `bedrock:CallWithBearerToken` beside the right to invoke), and no call
//! to AWS is needed to make one. The form is that of AWS's own `aws-bedrock-token-generator`; a test holds it to that package's
//! output. Signing each request instead (genai's `bedrock-sigv4`) would link AWS's whole chain of credential providers with a
//! second TLS library into every function that calls a model.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const HOST: &str = "bedrock.amazonaws.com";
const URL: &str = "https://bedrock.amazonaws.com/?Action=CallWithBearerToken";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a token is good for. One is made for each call, so this only has to outlast clock skew and the way there.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// AWS credentials and the region whose models are called. `Debug` prints no secret.
#[derive(Clone)]
pub struct AwsCredentials {
    credentials: Credentials,
    region: String,
}

impl AwsCredentials {
    /// These credentials: an access key's id and secret, with a session token if they are temporary.
    #[must_use]
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: Option<String>,
        region: impl Into<String>,
    ) -> Self {
        let credentials = Credentials::new(
            access_key_id,
            secret_access_key,
            session_token,
            None,
            "environment",
        );
        Self {
            credentials,
            region: region.into(),
        }
    }

    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_REGION` or `AWS_DEFAULT_REGION`, as Lambda
    /// sets them; `None` if one that is needed is absent.
    pub(crate) fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self::new(
            get("AWS_ACCESS_KEY_ID")?,
            get("AWS_SECRET_ACCESS_KEY")?,
            get("AWS_SESSION_TOKEN"),
            region(get)?,
        ))
    }

    /// The region whose models are called.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The variables that [`AwsCredentials::from_lookup`] reads.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id().to_owned()),
            (
                "AWS_SECRET_ACCESS_KEY",
                self.credentials.secret_access_key().to_owned(),
            ),
            ("AWS_REGION", self.region.clone()),
        ];
        let token = self.credentials.session_token();
        variables.extend(token.map(|token| ("AWS_SESSION_TOKEN", token.to_owned())));
        variables
    }

    /// A bearer token for calls made now.
    pub(crate) fn token(&self) -> Result<String, BoxError> {
        self.token_at(SystemTime::now(), LIFETIME)
    }

    fn token_at(&self, now: SystemTime, lifetime: Duration) -> Result<String, BoxError> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(lifetime);
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("bedrock")
            .time(now)
            .settings(settings)
            .build()?
            .into();
        let headers = [("host", HOST)].into_iter();
        let request = SignableRequest::new("POST", URL, headers, SignableBody::Bytes(&[]))?;
        let (instructions, _signature) = sign(request, &params)?.into_parts();
        let mut presigned = http::Request::post(URL).body(())?;
        instructions.apply_to_request_http1x(&mut presigned);
        let url = presigned.uri().to_string();
        let text = format!("{}&Version=1", url.trim_start_matches("https://"));
        Ok(format!("bedrock-api-key-{}", BASE64.encode(text)))
    }
}

/// The region in `AWS_REGION` or `AWS_DEFAULT_REGION`.
pub(crate) fn region(get: &impl Fn(&str) -> Option<String>) -> Option<String> {
    get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"))
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "bedrock_tests.rs"]
mod tests;
