//! What the smallest units of currencies are worth.

use std::collections::BTreeMap;

/// What the smallest unit of other currencies than the dollar is worth, in dollars: `eur=0.0108,jpy=0.0064`. None by default.
const RATES: &str = "LAMBENT_WEBHOOK_RATES";

/// What a cent is worth, in millionths of a dollar.
const CENT: u64 = 10_000;

/// What the smallest units of currencies are worth, in millionths of a dollar; dollars are always among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates(BTreeMap<String, u64>);

/// The variable cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{RATES} is malformed: expected currencies and what their smallest units are worth in dollars, at least 0.000001, such as \
    eur=0.0108,jpy=0.0064"
)]
pub struct ConfigError;

impl Default for Rates {
    fn default() -> Self {
        Self([("usd".to_owned(), CENT)].into())
    }
}

impl Rates {
    /// Reads `LAMBENT_WEBHOOK_RATES` of the process environment. An empty variable counts as unset.
    ///
    /// # Errors
    /// It is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::parse(&std::env::var(RATES).unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut rates = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (currency, dollars) = part.split_once('=').ok_or(ConfigError)?;
            let currency = currency.trim().to_lowercase();
            let is_currency = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_lowercase());
            let rate = micro_dollars(dollars.trim()).filter(|rate| *rate > 0);
            // A cent is a cent.
            if !is_currency || currency == "usd" {
                return Err(ConfigError);
            }
            rates.0.insert(currency, rate.ok_or(ConfigError)?);
        }
        Ok(rates)
    }

    /// What one unit is worth; `None` if nobody has said.
    pub(crate) fn of(&self, currency: &str) -> Option<u64> {
        self.0.get(currency).copied()
    }

    /// The variables that [`Rates::from_env`] reads these from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let others = self.0.iter().filter(|(currency, _)| *currency != "usd");
        let others = others.map(|(currency, rate)| {
            let (dollars, millionths) = (rate / 1_000_000, rate % 1_000_000);
            format!("{currency}={dollars}.{millionths:06}")
        });
        vec![(RATES, others.collect::<Vec<_>>().join(","))]
    }
}

/// Dollars with six decimals at most, as millionths.
fn micro_dollars(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 6 || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    format!("{whole}{decimals:0<6}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_dollars_for_the_smallest_unit_and_can_be_handed_on() {
        let rates = Rates::parse(" EUR=0.0108, jpy=0.0064 ,kwd=0.003").unwrap();
        let of = |currency| rates.of(currency);
        assert_eq!(
            (of("usd"), of("eur"), of("jpy")),
            (Some(10_000), Some(10_800), Some(6_400))
        );
        assert_eq!((of("kwd"), of("gbp")), (Some(3_000), None));
        let [(name, text)] = &rates.variables()[..] else {
            panic!("one variable")
        };
        assert_eq!((*name, Rates::parse(text)), (RATES, Ok(rates.clone())));
        assert_eq!(Rates::parse(""), Ok(Rates::default()));
        for wrong in [
            "eur",
            "eur=",
            "eur=a",
            "eur=-1",
            "eur=0",
            "eur=0.0000001",
            "euro=1",
            "usd=1",
            "=1",
        ] {
            assert_eq!(Rates::parse(wrong), Err(ConfigError), "{wrong}");
        }
    }
}
