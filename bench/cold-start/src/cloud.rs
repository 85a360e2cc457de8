//! What functions reach: a database and a model, in plain text and through TLS.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use lambent_callers::CallersConfig;
use lambent_llm::{ApiKey, ModelConfig, install_crypto};
use lambent_store::StoreConfig;
use lambent_tests::{database::Database, upstream::Upstream};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The machine's own authorities: a function reads a bundle of that length in the cloud too.
const SYSTEM_AUTHORITIES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

pub(crate) struct Cloud {
    _upstream: Upstream,
    plain: Addresses,
    tls: Addresses,
    _folder: tempfile::TempDir,
    authorities: PathBuf,
    callers: CallersConfig,
}

struct Addresses {
    database: String,
    model: String,
}

impl Cloud {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        install_crypto();
        let database = Database::start().await;
        let callers = database.callers_config();
        let database = database.address;
        let upstream = Upstream::start().await;
        let model = upstream.address();
        let plain = Addresses {
            database: format!("http://{database}"),
            model: format!("http://{model}/v1"),
        };
        let folder = tempfile::tempdir()?;
        let authorities = folder.path().join("authorities.pem");
        let (acceptor, authority) = certify()?;
        let system = SYSTEM_AUTHORITIES
            .iter()
            .find_map(|path| fs::read_to_string(path).ok());
        fs::write(&authorities, system.unwrap_or_default() + &authority)?;
        let tls = Addresses {
            database: format!("https://localhost:{}", tunnel(&acceptor, database).await?),
            model: format!("https://localhost:{}/v1", tunnel(&acceptor, model).await?),
        };
        Ok(Self {
            _upstream: upstream,
            plain,
            tls,
            _folder: folder,
            authorities,
            callers,
        })
    }

    /// What functions are told, in whatever language they are written.
    pub(crate) fn variables(&self, is_tls: bool) -> Vec<(String, String)> {
        let addresses = if is_tls { &self.tls } else { &self.plain };
        let model = ModelConfig {
            url: Some(addresses.model.clone()),
            key: Some(ApiKey::new("key")),
            ..ModelConfig::new("openai::test-model")
        };
        // Rust's and httpx's variable, and boto3's. In plain text functions do as where none is set.
        let authorities = ["SSL_CERT_FILE", "AWS_CA_BUNDLE"]
            .map(|name| (name, self.authorities.display().to_string()))
            .into_iter()
            .filter(|_| is_tls);
        let store = StoreConfig::local(&addresses.database).variables().into_iter();
        store
            .chain(model.variables())
            .chain(self.callers.variables())
            .chain([
                ("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "true".to_owned()),
                ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ])
            .chain(authorities)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// A certificate for `localhost`, and the authority that signed it, in PEM.
fn certify() -> anyhow::Result<(TlsAcceptor, String)> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    // OpenSSL takes a certificate with its issuer's name for one that signed itself.
    authority
        .distinguished_name
        .push(DnType::CommonName, "Cold start bench");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .context("the server's certificate")?;
    Ok((TlsAcceptor::from(Arc::new(config)), authority_pem))
}

/// Ends TLS in front of a server. Returns its port.
async fn tunnel(acceptor: &TlsAcceptor, to: SocketAddr) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let acceptor = acceptor.clone();
    tokio::spawn(async move {
        while let Ok((outer, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A connection that fails is the client's to notice.
                let _ = outer.set_nodelay(true);
                let Ok(mut outer) = acceptor.accept(outer).await else {
                    return;
                };
                let Ok(mut inner) = TcpStream::connect(to).await else {
                    return;
                };
                let _ = inner.set_nodelay(true);
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    Ok(port)
}
