use super::*;

const SOME: Usage = Usage {
    input_tokens: 50_000,
    output_tokens: 10_000,
};

fn cost_micro_dollars(model: &str, usage: Usage) -> Option<u64> {
    Price::of(model).map(|price| price.cost(usage))
}

#[test]
fn a_price_can_be_given_and_handed_on() {
    let price: Price = " 1.10 / 5.5 ".parse().unwrap();
    assert_eq!(price.cost(SOME), 55_000 + 55_000);
    assert_eq!(price.to_string().parse(), Ok(price));
    assert_eq!("0/0".parse(), Ok(Price::FREE));
    for wrong in ["", "1", "1/", "-1/1", "NaN/1", "1/inf", "1/2/3", "1e7/1"] {
        assert_eq!(wrong.parse::<Price>(), Err(PriceError), "{wrong}");
    }
}

#[test]
fn the_table_is_read_and_every_entry_is_reachable_and_priced() {
    let models = &PRICES.as_ref().unwrap().models;
    assert!(models.len() >= 12);
    for (model, price) in models {
        assert!(price.input > 0 && price.output >= price.input, "{model}");
        assert_eq!(find(models, model), Some(*price), "{model}");
    }
}

#[test]
fn embedding_models_have_prices_of_their_own_for_what_they_read() {
    let cost = |model| Price::of_embedding(model).map(|price| price.cost(SOME));
    assert_eq!(cost("text-embedding-3-small"), Some(1_000));
    assert_eq!(cost("openai::text-embedding-3-large"), Some(6_500));
    assert_eq!(cost("amazon.titan-embed-text-v2:0"), Some(1_000));
    assert_eq!(cost("amazon.titan-embed-text-v1"), None, "another model");
    assert_eq!(cost("gpt-5-mini"), None, "not for embeddings");
    let embeddings = &PRICES.as_ref().unwrap().embeddings;
    assert!(embeddings.values().all(|price| *price > 0) && embeddings.len() >= 5);
}

#[test]
fn what_reading_costs_can_be_given_and_handed_on() {
    let price: ReadingPrice = " 0.02 ".parse().unwrap();
    assert_eq!(price.0.cost(SOME), 1_000);
    assert_eq!(price.to_string().parse(), Ok(price));
    assert_eq!("0".parse(), Ok(ReadingPrice(Price::FREE)));
    for wrong in ["", "-1", "0.1/0.2", "NaN", "cheap"] {
        assert_eq!(wrong.parse::<ReadingPrice>(), Err(PriceError), "{wrong}");
    }
}

#[test]
fn names_are_found_in_all_their_forms() {
    let haiku = Some(50_000 + 50_000);
    for name in [
        "claude-haiku-4-5",
        "anthropic::claude-haiku-4-5",
        "claude-haiku-4-5-20251001",
        "claude-haiku-4-5-latest",
        "bedrock_api::global.anthropic.claude-haiku-4-5-20251001-v1:0",
    ] {
        assert_eq!(cost_micro_dollars(name, SOME), haiku, "{name}");
    }
    let one_region = Some(55_000 + 55_000);
    for name in [
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
    ] {
        assert_eq!(cost_micro_dollars(name, SOME), one_region, "{name}");
    }
    let mini = Some(12_500 + 20_000);
    for name in ["openai::gpt-5-mini", "gpt-5-mini-2025-08-07"] {
        assert_eq!(cost_micro_dollars(name, SOME), mini, "{name}");
    }
    assert_eq!(
        cost_micro_dollars("us.amazon.nova-lite-v1:0", SOME),
        Some(3_000 + 2_400)
    );
}

#[test]
fn unknown_models_have_no_price() {
    for name in [
        "",
        "smollm2-135m",
        "gpt-5-mini-turbo",
        "claude-haiku",
        "-20251001",
        "\u{e4}\u{f6}\u{fc}\u{df}-2025100\u{e9}",
    ] {
        assert_eq!(cost_micro_dollars(name, SOME), None, "{name}");
    }
}

#[test]
fn long_prompts_cost_more_where_the_provider_says_so() {
    let of = |input_tokens| {
        let usage = Usage {
            input_tokens,
            output_tokens: 0,
        };
        cost_micro_dollars("claude-haiku-5-5", usage)
    };
    assert_eq!(of(100_000), Some(10_000));
    assert_eq!(of(100_001), Some(50_001));
}

#[test]
fn parts_of_a_millionth_are_rounded_up_and_nothing_overflows() {
    let usage = |input_tokens| Usage {
        input_tokens,
        output_tokens: 0,
    };
    assert_eq!(cost_micro_dollars("amazon.nova-micro-v1:0", usage(1)), Some(1));
    assert_eq!(cost_micro_dollars("amazon.nova-micro-v1:0", usage(0)), Some(0));
    assert_eq!(
        cost_micro_dollars("claude-opus-5-5", usage(u64::MAX)),
        Some(u64::MAX)
    );
}
