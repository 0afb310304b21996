//! What can be set for the chat model.

use std::fmt;

use serde::Deserialize;

use super::shown;

/// The chat model. Without a base URL or a key the built-in extractive one answers.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChatConfig {
    /// An OpenAI-compatible address up to the version; `OPENAI_BASE_URL`.
    pub base_url: Option<String>,
    /// Its key; `OPENAI_API_KEY`.
    pub api_key: Option<String>,
    /// The model's name there; `OPENAI_MODEL`.
    pub model: String,
    /// How freely it chooses words, 0 to 2. 0: the same question has the same answer as far as the model can do that.
    pub temperature: f64,
    /// Longest answer in tokens.
    pub tokens_max: u32,
    /// Longest wait for a connection.
    pub connect_timeout_s: u64,
    /// Longest wait for the first piece. 60 s: a large local model is loaded and reads a long prompt for that long.
    pub first_timeout_s: u64,
    /// Longest silence between two pieces. 30 s: a model that writes is not silent, and one that thinks shows it.
    pub silence_timeout_s: u64,
    /// Longest answer, tries and waits included; the fallback has the same time again. 180 s: 1,024 tokens of a model that
    /// writes 6 a second.
    pub answer_timeout_s: u64,
    /// Tries after the first, before the first word, of what can pass: no connection, 408, 429, 5xx, silence.
    pub retries: u32,
    /// The bound of the first wait between two tries; it doubles with each, and the wait is drawn at random below it.
    pub retry_wait_ms: u64,
    /// The bound of every wait. A server that wants to be left alone for longer (`Retry-After`) is not tried again.
    pub retry_wait_max_s: u64,
    /// Failures one after another after which the model is left alone; 0 never leaves it alone.
    pub breaker_failures: u32,
    /// How long it is left alone. 30 s: a server that restarts is back by then.
    pub breaker_open_s: u64,
    /// Calls at the same time, as many as there are runs. A local model that answers one at a time wants fewer.
    pub calls_max: usize,
    /// How long a call waits for its turn before it is refused.
    pub call_wait_ms: u64,
    /// What answers when this one does not.
    pub fallback: Option<FallbackConfig>,
    /// Prices, for the cost of a run. There are none unless they are set, because they change.
    pub prices: Vec<PriceConfig>,
    /// Longest run from question to last word.
    pub run_timeout_s: u64,
    /// Longest answer in bytes; a model that writes without end is cut off here.
    pub answer_bytes_max: usize,
    /// Model calls of one run: a question is rewritten once and answered once, and sentences may be judged by a model.
    pub run_model_calls_max: u32,
    /// Tokens that the calls of one run may read and write. 100,000: 64 passages and a long conversation, twice.
    pub run_tokens_max: u64,
    /// What the calls of one run may cost in US dollars, where prices are set.
    pub run_cost_max_usd: Option<f64>,
}

/// The chat model that answers when the first one does not.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FallbackConfig {
    /// Its address; that of the first model when it is not set.
    pub base_url: Option<String>,
    /// Its key; `IBID_CHAT_FALLBACK_API_KEY`; that of the first model when neither key nor address is set.
    pub api_key: Option<String>,
    /// Its name there; that of the first model when it is not set and the address is.
    pub model: Option<String>,
    /// The built-in extractive model, which quotes, in the place of an endpoint.
    pub extractive: bool,
}

/// The price of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// Its name; a `*` at the end stands for any ending.
    pub model: String,
    /// US dollars for a million tokens that it reads.
    pub input: f64,
    /// US dollars for a million tokens that it writes.
    pub output: f64,
}

impl ChatConfig {
    pub(super) fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        self.base_url = variable("OPENAI_BASE_URL").or_else(|| self.base_url.take());
        self.api_key = variable("OPENAI_API_KEY").or_else(|| self.api_key.take());
        if let Some(model) = variable("OPENAI_MODEL") {
            self.model = model;
        }
        if let Some(fallback) = &mut self.fallback {
            fallback.api_key = variable("IBID_CHAT_FALLBACK_API_KEY").or_else(|| fallback.api_key.take());
        }
    }

    /// Whether an endpoint answers, and not the extractive model.
    pub fn is_remote(&self) -> bool {
        self.base_url.is_some() || self.api_key.is_some()
    }
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            base_url: None,
            api_key: None,
            model: "gpt-4o-mini".to_owned(),
            temperature: 0.0,
            tokens_max: 1_024,
            connect_timeout_s: 5,
            first_timeout_s: 60,
            silence_timeout_s: 30,
            answer_timeout_s: 180,
            retries: 2,
            retry_wait_ms: 500,
            retry_wait_max_s: 10,
            breaker_failures: 5,
            breaker_open_s: 30,
            calls_max: 32,
            call_wait_ms: 2_000,
            fallback: None,
            prices: Vec::new(),
            run_timeout_s: 300,
            answer_bytes_max: 64 << 10,
            run_model_calls_max: 64,
            run_tokens_max: 100_000,
            run_cost_max_usd: None,
        }
    }
}

impl fmt::Debug for ChatConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatConfig")
            .field("model", &self.model)
            .field("base_url", &shown(self.base_url.as_ref()))
            .field("api_key", &shown(self.api_key.as_ref()))
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FallbackConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackConfig")
            .field("model", &self.model)
            .field("base_url", &shown(self.base_url.as_ref()))
            .field("api_key", &shown(self.api_key.as_ref()))
            .field("extractive", &self.extractive)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_and_prices_are_read_and_its_key_stays_out_of_debug_output() {
        let text = "tokens_max = 300\n[fallback]\nbase_url = \"http://u:p@spare/v1\"\nmodel = \"small\"\n\
                    [[prices]]\nmodel = \"gpt-4o*\"\ninput = 2.5\noutput = 10\n";
        let mut config: ChatConfig = toml::from_str(text).unwrap();
        config.read_environment(|name| (name == "IBID_CHAT_FALLBACK_API_KEY").then(|| "sk-secret".to_owned()));
        let fallback = config.fallback.as_ref().unwrap();
        assert_eq!((fallback.api_key.as_deref(), config.api_key.as_deref()), (Some("sk-secret"), None));
        assert_eq!((config.tokens_max, config.retries, config.prices[0].output), (300, 2, 10.0));
        let said = format!("{config:?}");
        assert!(said.contains("small") && !said.contains("sk-secret") && !said.contains("u:p"), "{said}");
        assert!(toml::from_str::<ChatConfig>("[fallback]\nmodle = \"small\"\n").is_err());
    }

    #[test]
    fn a_key_for_a_fallback_that_is_not_configured_makes_none() {
        let mut config = ChatConfig::default();
        config.read_environment(|_| Some("value".to_owned()));
        assert_eq!(config.fallback, None);
    }
}
