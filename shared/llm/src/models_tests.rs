use super::*;

struct Nobody;

impl Ledger for Nobody {
    fn spent(&self, _: Spending) {}
}

#[test]
fn the_bounds_of_a_request_are_told() {
    let models = Models::new(ModelConfig {
        context_tokens: Some(2048),
        max_output_tokens: 100,
        ..ModelConfig::new("anthropic::claude-haiku-4-5")
    })
    .unwrap();
    assert_eq!(
        (models.context_tokens(), models.max_output_tokens()),
        (Some(2048), 100)
    );
    assert_eq!(models.metered(Nobody, Some(10)).max_output_tokens(), 10);
    assert_eq!(models.metered(Nobody, Some(1000)).max_output_tokens(), 100);
    assert_eq!(models.metered(Nobody, None).context_tokens(), Some(2048));
}
