//! The secret that events of Stripe's are signed with on this machine, where nobody has named another.

use std::{fs, io, path::Path};

use lambent_schema::endpoints::webhooks::STRIPE;
use webhooks::{KnownSecrets, WebhookConfig};

use super::{StartError, keys::write_secret};

/// The file with it.
pub const SECRET: &str = "webhook-secret";

/// The secret in this folder, made at the first time.
///
/// # Errors
/// The folder cannot be read or written.
pub fn own(folder: &Path) -> Result<WebhookConfig, StartError> {
    let file = folder.join(SECRET);
    let secret = match fs::read_to_string(&file) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => generate()
            .map_err(io::Error::other)
            .and_then(|secret| write_secret(&file, &secret).map(|()| secret)),
        Err(error) => Err(error),
    };
    let secret = secret.map_err(|error| StartError::Folder(file, error))?;
    Ok(of_stripe(&secret))
}

/// Events of Stripe's, signed with this secret, and no others.
#[must_use]
pub fn of_stripe(secret: &str) -> WebhookConfig {
    let secrets = serde_json::json!({STRIPE: [secret]}).to_string();
    WebhookConfig::Here(KnownSecrets::parse(&secrets).unwrap_or_default())
}

fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(format!("whsec_{}", digits.collect::<String>()))
}
