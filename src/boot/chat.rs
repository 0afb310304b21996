//! Which chat model answers, what guards it, and what answers in its place.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::{ChatConfig, FallbackConfig};
use crate::models::{
    CallLimits, ChatError, ChatModel, Embedder, Extractive, GuardOptions, Guarded, OpenAi, OpenAiOptions, Price,
    PriceTable,
};

/// Where OpenAI itself answers.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
/// How long an endpoint may take to say which models it has.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// What an endpoint said when it was asked which models it has.
#[derive(Debug)]
pub struct ChatProbe {
    /// `chat model` or `fallback chat model`.
    pub what: &'static str,
    /// The model that is configured there.
    pub model: String,
    /// The models that it lists, if it does.
    pub listed: Result<Option<Vec<String>>, ChatError>,
}

/// The chat model of this configuration.
pub(super) fn chat_model(
    config: &ChatConfig,
    embedder: Option<Arc<dyn Embedder>>,
) -> anyhow::Result<Arc<dyn ChatModel>> {
    if !config.is_remote() {
        return Ok(Arc::new(Extractive::new(embedder)));
    }
    let primary = OpenAi::new(primary_options(config))?;
    let fallback: Option<Arc<dyn ChatModel>> = match &config.fallback {
        None => None,
        Some(fallback) => Some(match fallback_options(config, fallback)? {
            None => Arc::new(Extractive::new(embedder)),
            Some(options) => Arc::new(OpenAi::new(options).context("[chat.fallback]")?),
        }),
    };
    Ok(Arc::new(Guarded::new(Arc::new(primary), fallback, guard_options(config))))
}

/// What the calls of one run are bounded by.
pub(super) fn call_limits(config: &ChatConfig) -> CallLimits {
    // A cast from a float saturates, and less than no money is none.
    let micros = |dollars: f64| (dollars * 1e6).round() as u64;
    CallLimits {
        calls_max: config.run_model_calls_max,
        tokens_max: config.run_tokens_max,
        cost_micros_max: config.run_cost_max_usd.map(micros),
    }
}

/// The prices that are configured.
pub(super) fn prices(config: &ChatConfig) -> PriceTable {
    let price = |price: &crate::config::PriceConfig| Price {
        model: price.model.clone(),
        input: price.input,
        output: price.output,
    };
    PriceTable::new(config.prices.iter().map(price).collect())
}

/// Asks each endpoint that is configured which models it has. No model is called, so this costs nothing.
///
/// # Errors
/// When the configuration names no endpoint that can be asked.
pub async fn probe_chat(config: &ChatConfig) -> anyhow::Result<Vec<ChatProbe>> {
    if !config.is_remote() {
        return Ok(Vec::new());
    }
    let mut endpoints = vec![("chat model", primary_options(config))];
    if let Some(fallback) = &config.fallback {
        endpoints.extend(fallback_options(config, fallback)?.map(|options| ("fallback chat model", options)));
    }
    let mut probes = Vec::new();
    for (what, options) in endpoints {
        let model = options.model.clone();
        let listed = OpenAi::new(options)?.models(PROBE_PATIENCE).await;
        probes.push(ChatProbe { what, model, listed });
    }
    Ok(probes)
}

fn primary_options(config: &ChatConfig) -> OpenAiOptions {
    OpenAiOptions {
        base_url: config.base_url.clone().unwrap_or_else(|| OPENAI_BASE_URL.to_owned()),
        api_key: config.api_key.clone().unwrap_or_default(),
        model: config.model.clone(),
        connect_timeout: Duration::from_secs(config.connect_timeout_s),
        first_timeout: Duration::from_secs(config.first_timeout_s),
        silence_timeout: Duration::from_secs(config.silence_timeout_s),
        tokens_max: config.tokens_max,
        temperature: config.temperature.clamp(0.0, 2.0),
    }
}

/// The endpoint of the fallback, or `None` when it is the extractive model.
fn fallback_options(config: &ChatConfig, fallback: &FallbackConfig) -> anyhow::Result<Option<OpenAiOptions>> {
    let named = fallback.base_url.is_some() || fallback.model.is_some();
    match (fallback.extractive, named) {
        (true, false) => return Ok(None),
        (true, true) => anyhow::bail!("[chat.fallback] names an endpoint and the extractive model; take one out"),
        (false, false) => anyhow::bail!("[chat.fallback] names no base_url and no model; extractive = true quotes"),
        (false, true) => {}
    }
    let primary = primary_options(config);
    // The first model's key goes to the first model's address only.
    let shared_key = if fallback.base_url.is_none() { primary.api_key.clone() } else { String::new() };
    Ok(Some(OpenAiOptions {
        base_url: fallback.base_url.clone().unwrap_or_else(|| primary.base_url.clone()),
        api_key: fallback.api_key.clone().unwrap_or(shared_key),
        model: fallback.model.clone().unwrap_or_else(|| primary.model.clone()),
        ..primary
    }))
}

fn guard_options(config: &ChatConfig) -> GuardOptions {
    GuardOptions {
        retries: config.retries,
        retry_wait: Duration::from_millis(config.retry_wait_ms),
        retry_wait_max: Duration::from_secs(config.retry_wait_max_s),
        breaker_failures: config.breaker_failures,
        breaker_open: Duration::from_secs(config.breaker_open_s),
        calls_max: config.calls_max,
        call_wait: Duration::from_millis(config.call_wait_ms),
        answer_timeout: Duration::from_secs(config.answer_timeout_s),
        random: fastrand::f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(fallback: FallbackConfig) -> ChatConfig {
        ChatConfig {
            base_url: Some("http://first/v1".to_owned()),
            api_key: Some("sk-first".to_owned()),
            fallback: Some(fallback),
            ..ChatConfig::default()
        }
    }

    fn endpoint(fallback: FallbackConfig) -> (String, String, String) {
        let config = configured(fallback.clone());
        let options = fallback_options(&config, &fallback).unwrap().unwrap();
        (options.base_url, options.api_key, options.model)
    }

    #[test]
    fn the_first_models_key_goes_to_no_other_address() {
        let text = |text: &str| Some(text.to_owned());
        let elsewhere = FallbackConfig { base_url: text("http://spare/v1"), ..FallbackConfig::default() };
        let spare = ("http://spare/v1".to_owned(), String::new(), "gpt-4o-mini".to_owned());
        assert_eq!(endpoint(elsewhere.clone()), spare);
        let keyed = FallbackConfig { api_key: text("sk-spare"), ..elsewhere };
        assert_eq!(endpoint(keyed), (spare.0, "sk-spare".to_owned(), spare.2));
        let smaller = FallbackConfig { model: text("small"), ..FallbackConfig::default() };
        assert_eq!(endpoint(smaller), ("http://first/v1".to_owned(), "sk-first".to_owned(), "small".to_owned()));
    }

    #[test]
    fn a_fallback_is_one_thing() {
        let both = FallbackConfig { extractive: true, model: Some("small".to_owned()), ..FallbackConfig::default() };
        for (fallback, said) in [(both, "take one out"), (FallbackConfig::default(), "names no base_url")] {
            let error = chat_model(&configured(fallback), None).err().unwrap().to_string();
            assert!(error.contains(said), "{error}");
        }
        let extractive = FallbackConfig { extractive: true, ..FallbackConfig::default() };
        assert_eq!(chat_model(&configured(extractive), None).unwrap().name(), "gpt-4o-mini");
    }
}
