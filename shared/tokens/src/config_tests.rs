use super::*;

const ISSUER_URL: &str = "https://issuer.example/pool";

fn read(variables: &[(&str, &str)]) -> Result<Option<TokenConfig>, ConfigError> {
    TokenConfig::from_lookup(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The error's text with an issuer, an audience and this.
fn refused(name: &str, value: &str) -> String {
    let mut variables = vec![(name, value)];
    variables.extend([(ISSUER, ISSUER_URL), (AUDIENCE, "api")]);
    read(&variables).expect_err(value).to_string()
}

#[test]
fn without_an_issuer_tokens_are_off() {
    for variables in [&[][..], &[(ISSUER, "  "), (AUDIENCE, "api")][..]] {
        assert_eq!(read(variables).unwrap(), None);
    }
}

#[test]
fn an_issuer_needs_an_audience() {
    let error = read(&[(ISSUER, ISSUER_URL)]).unwrap_err().to_string();
    assert!(error.starts_with("LAMBENT_TOKEN_AUDIENCE is not set"), "{error}");
}

#[test]
fn issuer_and_audience_are_enough() {
    let config = read(&[(ISSUER, ISSUER_URL), (AUDIENCE, "api, other")]).unwrap();
    let expected = TokenConfig {
        audiences: vec!["api".to_owned(), "other".to_owned()],
        ..TokenConfig::new(ISSUER_URL, "api")
    };
    assert_eq!(config, Some(expected));
}

#[test]
fn a_list_with_a_gap_is_malformed() {
    for (name, value) in [(AUDIENCE, "api,,other"), (AUDIENCE, ","), (ALGORITHMS, "RS256,")] {
        let error = refused(name, value);
        assert!(error.starts_with(&format!("{name} is malformed")), "{error}");
    }
}

#[test]
fn algorithms_with_shared_secrets_or_none_are_refused_at_start() {
    for value in ["HS256", "RS256,HS512", "none", "rs256", "ES512", "RS256;ES256"] {
        let error = refused(ALGORITHMS, value);
        assert!(
            error.starts_with("LAMBENT_TOKEN_ALGORITHMS is malformed"),
            "{error}"
        );
    }
    let all = Algorithm::ALL.map(Algorithm::name).join(" , ");
    let config = read(&[(ISSUER, ISSUER_URL), (AUDIENCE, "api"), (ALGORITHMS, &all)]).unwrap();
    assert_eq!(config.unwrap().algorithms, Algorithm::ALL);
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    for url in [
        "https://issuer.example",
        "https://issuer.example:8443/a/b/",
        "http://127.0.0.1:9000",
        "http://[::1]:9000/pool",
        "http://localhost",
    ] {
        assert!(is_trusted_url(url), "{url}");
    }
    for url in [
        "",
        "issuer.example",
        "http://issuer.example",
        "http://127.0.0.1.issuer.example",
        "http://localhost.example",
        "http://127.0.0.1@issuer.example",
        "https://user:password@issuer.example",
        "https://",
        "file:///etc/keys",
        "ftp://localhost",
    ] {
        assert!(!is_trusted_url(url), "{url}");
        let error = refused(JWKS_URL, if url.is_empty() { "/" } else { url });
        assert!(
            error.starts_with("LAMBENT_TOKEN_JWKS_URL is malformed"),
            "{error}"
        );
    }
}

#[test]
fn an_issuer_has_neither_query_nor_fragment() {
    for url in [
        "https://issuer.example/?a=b",
        "https://issuer.example/#a",
        "http://issuer.example",
    ] {
        let error = read(&[(ISSUER, url), (AUDIENCE, "api")]).unwrap_err().to_string();
        assert!(error.starts_with("LAMBENT_TOKEN_ISSUER is malformed"), "{error}");
    }
}

#[test]
fn what_did_not_come_from_variables_is_held_to_the_same_rules() {
    let good = TokenConfig::new(ISSUER_URL, "api");
    assert!(good.check().is_ok());
    let wrong = [
        TokenConfig::new("http://issuer.example", "api"),
        TokenConfig::new(ISSUER_URL, ""),
        TokenConfig {
            audiences: Vec::new(),
            ..good.clone()
        },
        TokenConfig {
            algorithms: Vec::new(),
            ..good.clone()
        },
    ];
    for config in wrong {
        assert!(config.check().is_err(), "{config:?}");
    }
}

#[test]
fn a_configuration_can_be_handed_on_as_variables() {
    let config = TokenConfig {
        audiences: vec!["api".to_owned(), "other".to_owned()],
        jwks_url: Some("https://keys.example/jwks".to_owned()),
        algorithms: vec![Algorithm::Ps256, Algorithm::EdDsa],
        scope_prefix: Some("lambent/".to_owned()),
        ..TokenConfig::new(ISSUER_URL, "api")
    };
    let variables = config.variables();
    let as_text: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(read(&as_text).unwrap(), Some(config));
}
