//! Where requests go, found out once. The SDK keeps one answer and asks its rules anew for each other table, though what a client is made
//! with, and whether an operation is a search, decides alone: tables are named here by their names, not by ARNs that have an account.

use std::sync::OnceLock;

use aws_sdk_dynamodb::config::endpoint::{
    DefaultResolver, Endpoint, EndpointFuture, Params, ResolveEndpoint,
};

/// The SDK's own rules, asked once for searches and once for all else. Belongs to one client.
#[derive(Debug, Default)]
pub(crate) struct KeptEndpoints {
    rules: DefaultResolver,
    searches: OnceLock<Endpoint>,
    others: OnceLock<Endpoint>,
}

impl ResolveEndpoint for KeptEndpoints {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let kept = match params.is_search_operation() {
            Some(true) => &self.searches,
            _ => &self.others,
        };
        if let Some(endpoint) = kept.get() {
            return EndpointFuture::ready(Ok(endpoint.clone()));
        }
        let resolved = ResolveEndpoint::resolve_endpoint(&self.rules, params);
        EndpointFuture::new(async move {
            let endpoint = resolved.await?;
            Ok(kept.get_or_init(|| endpoint).clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn searches_and_all_else_have_each_their_own() {
        let endpoints = KeptEndpoints::default();
        for (table, is_search) in [
            ("callers", false),
            ("documents", true),
            ("documents", false),
            ("callers", true),
        ] {
            let params = Params::builder()
                .region("eu-central-1".to_owned())
                .resource_arn(table.to_owned())
                .is_search_operation(is_search)
                .build()
                .unwrap();
            let found = endpoints.resolve_endpoint(&params).await.unwrap();
            let rules = DefaultResolver::new();
            let expected = ResolveEndpoint::resolve_endpoint(&rules, &params).await.unwrap();
            assert_eq!(found.url(), expected.url(), "{table}");
            assert_eq!(found.url().contains("search"), is_search, "{}", found.url());
        }
    }
}
