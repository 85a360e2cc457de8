//! The HTTP client with which the API calls out: TLS on ring, authorities compiled in, no redirects.
//!
//! Whoever calls out (models, an issuer of tokens) takes [`client`] and adds its own timeouts. This crate knows nobody's protocol
//! and serves nothing.

use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

/// Makes ring the process's TLS provider, once; later calls change nothing.
///
/// Ring because the other choice, aws-lc, gathers entropy for 150 ms and more at the first handshake on a small function.
/// [`client`] calls this; call it yourself only to build other TLS clients before that.
pub fn install_crypto() {
    // An error says that some provider is installed already: then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client's builder, to which the caller adds its timeouts. Building it does no I/O, except to read the certificates that
/// `SSL_CERT_FILE` or `SSL_CERT_DIR` name.
pub fn client() -> reqwest::ClientBuilder {
    install_crypto();
    with_authorities(reqwest::Client::builder())
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(90))
        // A redirect would carry what is sent to a place that nobody configured, and trust what comes back from there.
        .redirect(reqwest::redirect::Policy::none())
}

/// Trusts Mozilla's authorities, which are compiled in; or, where `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, those instead.
/// Reading the system's took a cold function about as long as all the rest of its start: hundreds of files, or one large one.
fn with_authorities(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("SSL_CERT_FILE") || is_set("SSL_CERT_DIR") {
        return builder;
    }
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Only what is compiled in may be offered: a server takes the offer at its word.
    let offered: &[&[u8]] = if cfg!(feature = "http2") {
        &[b"h2", b"http/1.1"]
    } else {
        &[b"http/1.1"]
    };
    config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
    builder.tls_backend_preconfigured(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_built_more_than_once() {
        install_crypto();
        for _ in 0..2 {
            client().build().unwrap();
        }
    }
}
