//! Where the database is, read from the environment once, at start.

/// The variable that names the table of [`crate::requests`].
pub const REQUESTS_TABLE: &str = "LAMBENT_REQUESTS_TABLE";

/// The variable that names the table of [`crate::callers`].
pub const CALLERS_TABLE: &str = "LAMBENT_CALLERS_TABLE";

/// The variable that names the table of [`crate::jobs`].
pub const JOBS_TABLE: &str = "LAMBENT_JOBS_TABLE";

/// The variable that names the table of [`crate::documents`].
pub const DOCUMENTS_TABLE: &str = "LAMBENT_DOCUMENTS_TABLE";

/// The variable that names the table of [`crate::webhooks`].
pub const WEBHOOKS_TABLE: &str = "LAMBENT_WEBHOOKS_TABLE";

/// The variable that names the table of [`crate::conversations`].
pub const CONVERSATIONS_TABLE: &str = "LAMBENT_CONVERSATIONS_TABLE";

/// Where the tables are and as whom to reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The name of the table of [`crate::requests`].
    pub requests_table: String,
    /// The name of the table of [`crate::callers`]; `None` for functions that ask for no caller.
    pub callers_table: Option<String>,
    /// The name of the table of [`crate::jobs`]; `None` for functions that have to do with none.
    pub jobs_table: Option<String>,
    /// The name of the table of [`crate::documents`]; `None` for functions that have to do with none.
    pub documents_table: Option<String>,
    /// The name of the table of [`crate::webhooks`]; `None` for functions that have to do with none.
    pub webhooks_table: Option<String>,
    /// The name of the table of [`crate::conversations`]; `None` for functions that have to do with none.
    pub conversations_table: Option<String>,
    /// The base URL of a DynamoDB that is not the region's own, `http://127.0.0.1:8000` for example.
    pub endpoint: Option<String>,
    /// The AWS region, `eu-west-1` for example.
    pub region: String,
    /// Whose permissions the calls are made with.
    pub credentials: Credentials,
}

/// Whose permissions the calls are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Those of the environment this process runs in: a function, a container, a shell.
    Environment,
    /// Made-up ones, for a local server that does not check them.
    Local,
}

/// A variable of the environment is missing or cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Set to something else than expected.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
}

impl StoreConfig {
    /// Reads the process environment; see [`StoreConfig::from_lookup`].
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads `LAMBENT_REQUESTS_TABLE`, `LAMBENT_CALLERS_TABLE`, `LAMBENT_JOBS_TABLE`, `LAMBENT_DOCUMENTS_TABLE`, `LAMBENT_WEBHOOKS_TABLE`,
    /// `LAMBENT_CONVERSATIONS_TABLE` and AWS's own `AWS_REGION` (or `AWS_DEFAULT_REGION`) and `AWS_ENDPOINT_URL_DYNAMODB` (or `AWS_ENDPOINT_URL`). An empty variable counts as
    /// unset.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let missing = |name, expected| ConfigError::Missing { name, expected };
        let requests_table = get(REQUESTS_TABLE).ok_or(missing(
            REQUESTS_TABLE,
            "the name of the DynamoDB table of requests",
        ))?;
        let region = get("AWS_REGION")
            .or_else(|| get("AWS_DEFAULT_REGION"))
            .ok_or(missing("AWS_REGION", "an AWS region such as eu-west-1"))?;
        let endpoint = match endpoint("AWS_ENDPOINT_URL_DYNAMODB", &get)? {
            Some(url) => Some(url),
            None => endpoint("AWS_ENDPOINT_URL", &get)?,
        };
        Ok(Self {
            requests_table,
            callers_table: get(CALLERS_TABLE),
            jobs_table: get(JOBS_TABLE),
            documents_table: get(DOCUMENTS_TABLE),
            webhooks_table: get(WEBHOOKS_TABLE),
            conversations_table: get(CONVERSATIONS_TABLE),
            endpoint,
            region,
            credentials: Credentials::Environment,
        })
    }

    /// The configuration for a DynamoDB server on this machine: made-up region, credentials and table names.
    pub fn local(endpoint: impl Into<String>) -> Self {
        Self {
            requests_table: crate::requests::TABLE.name.to_owned(),
            callers_table: Some(crate::callers::TABLE.name.to_owned()),
            jobs_table: Some(crate::jobs::TABLE.name.to_owned()),
            documents_table: Some(crate::documents::TABLE.name.to_owned()),
            webhooks_table: Some(crate::webhooks::TABLE.name.to_owned()),
            conversations_table: Some(crate::conversations::TABLE.name.to_owned()),
            endpoint: Some(endpoint.into()),
            region: "local".to_owned(),
            credentials: Credentials::Local,
        }
    }

    /// The variables that [`StoreConfig::from_lookup`] reads this configuration from. Those of [`Credentials::Local`] are made
    /// up; [`Credentials::Environment`] stay where they are.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            (REQUESTS_TABLE, self.requests_table.clone()),
            ("AWS_REGION", self.region.clone()),
        ];
        variables.extend(self.callers_table.clone().map(|name| (CALLERS_TABLE, name)));
        variables.extend(self.jobs_table.clone().map(|name| (JOBS_TABLE, name)));
        variables.extend(self.documents_table.clone().map(|name| (DOCUMENTS_TABLE, name)));
        variables.extend(self.webhooks_table.clone().map(|name| (WEBHOOKS_TABLE, name)));
        let conversations = self.conversations_table.clone();
        variables.extend(conversations.map(|name| (CONVERSATIONS_TABLE, name)));
        variables.extend(
            self.endpoint
                .clone()
                .map(|url| ("AWS_ENDPOINT_URL_DYNAMODB", url)),
        );
        if self.credentials == Credentials::Local {
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
                variables.push((name, "local".to_owned()));
            }
        }
        variables
    }
}

fn endpoint(
    name: &'static str,
    get: &impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    match get(name) {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Err(ConfigError::Malformed {
                name,
                expected: "a URL that begins with http:// or https://",
            })
        }
        url => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<StoreConfig, ConfigError> {
        StoreConfig::from_lookup(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_missing_or_empty_table_name_is_an_error_that_names_the_variable() {
        for variables in [&[][..], &[("LAMBENT_REQUESTS_TABLE", "")][..]] {
            let error = read(variables).unwrap_err().to_string();
            assert!(error.starts_with("LAMBENT_REQUESTS_TABLE is not set"), "{error}");
        }
    }

    #[test]
    fn a_missing_region_is_an_error_that_names_the_variable() {
        let error = read(&[("LAMBENT_REQUESTS_TABLE", "requests")])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("AWS_REGION is not set"), "{error}");
    }

    #[test]
    fn the_service_s_own_endpoint_wins_over_the_general_one() {
        let mut variables = vec![
            ("LAMBENT_REQUESTS_TABLE", "prod-requests"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ];
        assert_eq!(
            read(&variables).unwrap().endpoint.as_deref(),
            Some("http://127.0.0.1:4566")
        );

        variables.push(("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.example"));
        let config = read(&variables).unwrap();
        assert_eq!(config.endpoint.as_deref(), Some("https://dynamodb.example"));
        assert_eq!(
            (config.region.as_str(), config.requests_table.as_str()),
            ("eu-west-1", "prod-requests")
        );
    }

    #[test]
    fn a_configuration_can_be_handed_on_as_variables() {
        let local = StoreConfig::local("http://127.0.0.1:8000");
        let variables = local.variables();
        let as_text: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let expected = StoreConfig {
            credentials: Credentials::Environment,
            ..local.clone()
        };
        assert_eq!(read(&as_text).unwrap(), expected);
        assert!(as_text.contains(&("AWS_SECRET_ACCESS_KEY", "local")));
    }

    #[test]
    fn tables_that_not_every_function_needs_may_be_unnamed() {
        let mut variables = vec![
            ("LAMBENT_REQUESTS_TABLE", "prod-requests"),
            ("AWS_REGION", "eu-west-1"),
            ("LAMBENT_JOBS_TABLE", ""),
        ];
        let config = read(&variables).unwrap();
        assert_eq!((config.callers_table, config.jobs_table), (None, None));
        assert_eq!(config.documents_table, None);

        variables[2] = ("LAMBENT_JOBS_TABLE", "prod-jobs");
        variables.push(("LAMBENT_DOCUMENTS_TABLE", "prod-documents"));
        let config = read(&variables).unwrap();
        assert_eq!(config.jobs_table.as_deref(), Some("prod-jobs"));
        assert_eq!(config.documents_table.as_deref(), Some("prod-documents"));
    }

    #[test]
    fn an_endpoint_without_a_scheme_is_malformed() {
        let variables = [
            ("LAMBENT_REQUESTS_TABLE", "requests"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "127.0.0.1:8000"),
        ];
        let error = read(&variables).unwrap_err().to_string();
        assert!(
            error.starts_with("AWS_ENDPOINT_URL_DYNAMODB is malformed"),
            "{error}"
        );
    }
}
