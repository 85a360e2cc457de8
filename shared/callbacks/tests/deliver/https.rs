//! TLS: only servers whose certificate is for their name and from a trusted authority are told anything.

use std::net::SocketAddr;
use std::sync::Arc;

use lambent_callbacks::{CallbackConfig, Callbacks, ConfigError, Outcome, Signer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::book::Book;
use crate::receiver::{Answer, Receiver};
use crate::{PEPPER, callbacks_with, delivery, failed};

const NAME: &str = "callback.example";

/// A certificate for [`NAME`], and the authority that signed it, in PEM.
fn certify() -> (TlsAcceptor, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority_pem)
}

/// Ends TLS in front of a server. Returns its port.
async fn tunnel(acceptor: TlsAcceptor, to: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((outer, _)) = listener.accept().await {
            // A connection that fails is the client's to notice.
            let Ok(mut outer) = acceptor.accept(outer).await else {
                continue;
            };
            let mut inner = TcpStream::connect(to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    });
    port
}

/// What becomes of a callback to a server that is certified as [`NAME`], and how many it got.
async fn outcome_at(name: &'static str, is_trusted: bool) -> (Outcome, usize) {
    lambent_http::install_crypto();
    let receiver = Receiver::start(Answer::Status(200)).await;
    let (acceptor, authority) = certify();
    let port = tunnel(acceptor, receiver.address).await;
    let book = Book::of(&[(name, &[&["127.0.0.1"]])]);
    let callbacks = callbacks_with(&[format!("{name}:{port}")], &book, |config| {
        config.authorities = is_trusted.then_some(authority);
    });
    let outcome = callbacks
        .deliver(&delivery(format!("https://{name}:{port}/")))
        .await;
    (outcome, receiver.received().len())
}

#[tokio::test]
async fn a_trusted_server_is_told() {
    let expected = (Outcome::Delivered { status: 200 }, 1);
    assert_eq!(outcome_at(NAME, true).await, expected);
}

#[tokio::test]
async fn a_server_with_a_certificate_of_its_own_making_is_not() {
    let expected = (failed(None, "the server's certificate is not trusted", false), 0);
    assert_eq!(outcome_at(NAME, false).await, expected);
}

#[tokio::test]
async fn nor_is_one_with_anothers_certificate() {
    let expected = (failed(None, "the server's certificate is not trusted", false), 0);
    assert_eq!(outcome_at("other.example", true).await, expected);
}

#[test]
fn authorities_that_cannot_be_read_stop_the_start() {
    let config = CallbackConfig {
        authorities: Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned()),
        ..CallbackConfig::default()
    };
    let error = Callbacks::new(config, Signer::new(PEPPER)).unwrap_err();
    assert!(matches!(error, ConfigError::Client(_)), "{error:?}");
}
