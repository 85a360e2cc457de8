//! Why an attempt failed, in words that may be shown to the caller: fixed ones, so that nothing of the URL, of what came back and of
//! our own network is in them.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use crate::UrlProblem;
use crate::deliver::Outcome;
use crate::names::NotPublic;

/// An attempt that failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The URL breaks a rule. It was held to them before, but with another configuration perhaps.
    #[error("refused: the URL breaks a rule ({})", .0.code())]
    Url(UrlProblem),
    /// The host is an address that is not public, or has one.
    #[error("refused: the address is not public")]
    Address,
    /// The id is none that fits into a header.
    #[error("the request could not be made")]
    Request,
    /// The name has no address, or nobody could say.
    #[error("the name could not be resolved")]
    Name,
    /// Nobody is listening, or TLS could not be agreed on.
    #[error("no connection could be made")]
    Connection,
    /// The certificate is not signed by a trusted authority, or not for this name, or not now.
    #[error("the server's certificate is not trusted")]
    Certificate,
    /// The connection ended before there was an answer, or the answer is not HTTP.
    #[error("the connection broke before an answer")]
    Broken,
    /// No status within this time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// 3xx.
    #[error("the server answered with status {}: redirects are not followed", .0.as_u16())]
    Redirect(StatusCode),
    /// 410: "no longer interested", by Standard Webhooks.
    #[error("the server answered with status 410: it wants no callbacks")]
    Gone,
    /// Any other status but 2xx.
    #[error("the server answered with status {}", .0.as_u16())]
    Status(StatusCode),
}

impl Fault {
    /// What a status means; 2xx is none.
    pub(crate) fn of(status: StatusCode) -> Option<Self> {
        match status {
            status if status.is_success() => None,
            StatusCode::GONE => Some(Self::Gone),
            status if status.is_redirection() => Some(Self::Redirect(status)),
            status => Some(Self::Status(status)),
        }
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Redirect(status) | Self::Status(status) => Some(*status),
            Self::Gone => Some(StatusCode::GONE),
            _ => None,
        }
    }

    fn is_final(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Address | Self::Request | Self::Gone)
    }
}

impl From<UrlProblem> for Fault {
    fn from(problem: UrlProblem) -> Self {
        match problem {
            UrlProblem::PrivateAddress | UrlProblem::PrivateName => Self::Address,
            problem => Self::Url(problem),
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        match &error {
            error if sources(error).any(|source| source.is::<NotPublic>()) => Self::Address,
            error if error.is_builder() => Self::Request,
            error if error.is_dns() => Self::Name,
            error if sources(error).any(is_certificate) => Self::Certificate,
            error if error.is_connect() => Self::Connection,
            _ => Self::Broken,
        }
    }
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        Self::Failed {
            status: fault.status().map(|status| status.as_u16()),
            why: fault.to_string(),
            is_final: fault.is_final(),
        }
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    // An I/O error's source is that of what it wraps, which is passed over; and one may wrap another.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => is_certificate(wrapped),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}
