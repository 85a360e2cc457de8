//! `/docs`, `/redoc`, `/openapi.json`: the API, documented from its types.

use crate::{
    ProblemCode,
    endpoint::{Access, Content, Endpoint, Method, NoBody, Reply, Transfer},
};

macro_rules! page {
    ($(#[$doc:meta])* $name:ident, $id:literal, $path:literal, $summary:literal, $media_type:literal, $reply:literal) => {
        $(#[$doc])*
        pub struct $name;

        impl Endpoint for $name {
            const FUNCTION: &'static str = "docs";
            const ID: &'static str = $id;
            const METHOD: Method = Method::Get;
            const PATH: &'static str = $path;
            const SUMMARY: &'static str = $summary;
            const DESCRIPTION: &'static str = $reply;
            const TAG: &'static str = "Service";
            const ACCESS: Access = Access::Public;
            const TRANSFER: Transfer = Transfer::Buffered;
            const TIMEOUT_SECS: u32 = 10;
            type Body = NoBody;

            fn replies() -> Vec<Reply> {
                let content = vec![Content::Text { media_type: $media_type, description: $reply }];
                vec![Reply { status: 200, description: $summary, headers: &[], content }]
            }

            const PROBLEMS: &'static [ProblemCode] = &[];
        }
    };
}

page!(
    /// `GET /docs`.
    Docs, "docs", "/docs", "Interactive documentation", "text/html",
    "Swagger UI with this document: every operation can be tried out there."
);
page!(
    /// `GET /redoc`.
    Redoc, "redoc", "/redoc", "Documentation to read", "text/html",
    "ReDoc with this document."
);
page!(
    /// `GET /oauth2-redirect.html`.
    OAuthRedirect, "oauth2_redirect", "/oauth2-redirect.html", "Where signing in from the documentation ends", "text/html",
    "Hands the code of the authorization code flow to the window with Swagger UI, and closes."
);
page!(
    /// `GET /openapi.json`.
    OpenApi, "openapi", "/openapi.json", "This document", "application/json",
    "The OpenAPI 3.1 document, made from the types that the functions are compiled from."
);
page!(
    /// `GET /asyncapi.json`.
    AsyncApi, "asyncapi", "/asyncapi.json", "The socket's document", "application/json",
    "The AsyncAPI 3 document of the chat over WebSocket, made from the same types."
);
