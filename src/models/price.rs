//! What a call costs, as far as its price is known.

use super::TokenUsage;

/// The price of a model, in US dollars per million tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The model's name; a `*` at its end stands for any ending.
    pub model: String,
    /// Of tokens read.
    pub input: f64,
    /// Of tokens written.
    pub output: f64,
}

/// The prices that are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceTable(Vec<Price>);

impl PriceTable {
    /// A table of these prices.
    pub fn new(prices: Vec<Price>) -> Self {
        Self(prices)
    }

    /// What so many tokens of `model` cost, in millionths of a US dollar, or `None` when its price is not known. The exact
    /// name counts before a pattern, and a longer pattern before a shorter one.
    pub fn cost_micros(&self, model: &str, usage: TokenUsage) -> Option<u64> {
        // Dollars per million tokens are millionths of a dollar per token.
        let cost = |price: &Price| (usage.input as f64).mul_add(price.input, usage.output as f64 * price.output);
        // A cast from a float saturates, and a negative price is none.
        self.price(model).map(|price| cost(price).round() as u64)
    }

    /// How many tokens `model` may write after it has read `input` of them, for so many millionths of a US dollar; `None` when
    /// its price is not known.
    pub fn affordable(&self, model: &str, input: u64, micros: u64) -> Option<u64> {
        let price = self.price(model)?;
        let left = micros as f64 - input as f64 * price.input;
        Some(match left {
            left if left < 0.0 => 0,
            _ if price.output <= 0.0 => u64::MAX,
            left => (left / price.output) as u64,
        })
    }

    fn price(&self, model: &str) -> Option<&Price> {
        let fitting = self.0.iter().filter_map(|price| Some((fit(&price.model, model)?, price)));
        fitting.max_by_key(|(fit, _)| *fit).map(|(_, price)| price)
    }
}

/// How well a name in the table fits a model.
fn fit(name: &str, model: &str) -> Option<usize> {
    match name.strip_suffix('*') {
        Some(prefix) => model.starts_with(prefix).then_some(prefix.len()),
        None => (name == model).then_some(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> PriceTable {
        let price = |model: &str, input, output| Price { model: model.to_owned(), input, output };
        PriceTable::new(vec![price("gpt-4o*", 2.5, 10.0), price("gpt-4o-mini*", 0.15, 0.6), price("local", 0.0, 0.0)])
    }

    #[test]
    fn the_nearest_name_says_the_price_in_millionths_of_a_dollar() {
        let usage = TokenUsage { input: 1_000, output: 100 };
        let costs = ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "local", "locally", "o3"];
        let costs = costs.map(|model| table().cost_micros(model, usage));
        assert_eq!(costs, [Some(3_500), Some(3_500), Some(210), Some(0), None, None]);
    }

    #[test]
    fn fractions_of_a_millionth_are_rounded_once() {
        assert_eq!(table().cost_micros("gpt-4o-mini", TokenUsage { input: 3, output: 0 }), Some(0));
        assert_eq!(table().cost_micros("gpt-4o-mini", TokenUsage { input: 3, output: 1 }), Some(1));
        assert_eq!(table().cost_micros("gpt-4o", TokenUsage { input: u64::MAX, output: u64::MAX }), Some(u64::MAX));
    }

    #[test]
    fn what_is_left_says_how_much_may_be_written() {
        let words = |model, micros| table().affordable(model, 1_000, micros);
        assert_eq!(
            (words("gpt-4o", 3_500), words("gpt-4o", 2_500), words("gpt-4o", 2_499)),
            (Some(100), Some(0), Some(0))
        );
        assert_eq!((words("local", 0), words("o3", 1_000_000)), (Some(u64::MAX), None));
    }
}
