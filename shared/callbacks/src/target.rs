//! Where a callback may go, as far as its URL tells.

use url::{Host, Url};

use crate::addresses::is_public;

/// The longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// Names below these are for one network, or for one machine (RFC 6761, RFC 6762, and ICANN's reservation of `internal`).
const PRIVATE_SUFFIXES: [&str; 3] = [".localhost", ".local", ".internal"];

/// A URL that callbacks are not sent to. `Display` says the rule for people; neither it nor the code repeats the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// Longer than [`MAX_URL_BYTES`].
    #[error("Must have at most {MAX_URL_BYTES} bytes")]
    TooLong,
    /// No URL, or one without a host.
    #[error("Must be a URL with a host")]
    Malformed,
    /// Another scheme than `https`.
    #[error("Must be an https:// URL")]
    Scheme,
    /// A user name or a password.
    #[error("Must not have a user name or a password in it")]
    Credentials,
    /// A `#`, and what follows it: it would never be sent.
    #[error("Must not have a fragment")]
    Fragment,
    /// An address that is not public.
    #[error("Must not be the address of a private or special network")]
    PrivateAddress,
    /// A name that is not public: `localhost`, or without a dot, or below `localhost`, `local` or `internal`.
    #[error("Must not be a name that only a private network knows")]
    PrivateName,
}

impl UrlProblem {
    /// The rule, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "wrong_form",
            Self::Scheme => "not_https",
            Self::Credentials => "has_credentials",
            Self::Fragment => "has_fragment",
            Self::PrivateAddress => "private_address",
            Self::PrivateName => "private_name",
        }
    }
}

/// Whether callbacks may be sent there, as far as the URL tells: a public name may still have a private address, which only an
/// attempt will tell. Where a configuration is at hand, ask [`CallbackConfig::check`](crate::CallbackConfig::check).
///
/// # Errors
/// The first rule that the URL breaks.
pub fn check(url: &str) -> Result<(), UrlProblem> {
    Target::parse(url, &[]).map(drop)
}

/// A URL that has passed the rules.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Whether it was configured as one that may be private.
    pub(crate) may_be_private: bool,
}

impl Target {
    /// Reads a URL; what is in `allow`, as `host:port`, may be private and without TLS.
    ///
    /// It is judged as `url` normalises it, which is how the client reads it too: `0x7f.1` is 127.0.0.1.
    pub(crate) fn parse(text: &str, allow: &[String]) -> Result<Self, UrlProblem> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlProblem::TooLong);
        }
        let url = Url::parse(text).map_err(|_| UrlProblem::Malformed)?;
        let may_be_private = host_and_port(&url).is_some_and(|target| allow.contains(&target));
        check_form(&url, may_be_private)?;
        if !may_be_private {
            check_host(&url)?;
        }
        Ok(Self { url, may_be_private })
    }
}

/// `host:port` as `url` writes them, with the scheme's port if none is given.
pub(crate) fn host_and_port(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn check_form(url: &Url, may_be_plain: bool) -> Result<(), UrlProblem> {
    if url.scheme() != "https" && !(may_be_plain && url.scheme() == "http") {
        return Err(UrlProblem::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlProblem::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlProblem::Fragment);
    }
    Ok(())
}

fn check_host(url: &Url) -> Result<(), UrlProblem> {
    let is_public_address = match url.host().ok_or(UrlProblem::Malformed)? {
        Host::Domain(name) if is_public_name(name) => return Ok(()),
        Host::Domain(_) => return Err(UrlProblem::PrivateName),
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
    };
    is_public_address.then_some(()).ok_or(UrlProblem::PrivateAddress)
}

fn is_public_name(name: &str) -> bool {
    // With a dot at its end, a name is the same name.
    let name = name.trim_end_matches('.');
    name.contains('.') && !PRIVATE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
