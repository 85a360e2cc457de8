//! The `chat-completions` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{
    ModelConfig,
    relay::{ChatModels, TableConfig},
};
use lambent_service::serve;

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = ChatModels::new(&ModelConfig::from_env()?, &TableConfig::from_env()?)?;
        Ok(chat_completions::router(&guarded_from_env()?, models))
    })
}
