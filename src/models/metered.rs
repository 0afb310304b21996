//! A chat model for one run: it counts what the run's calls take, and refuses what would be over the run's limits.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::StreamExt;

use super::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream, PriceTable, TokenUsage};

/// What the calls of one run are bounded by.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Calls.
    pub calls_max: u32,
    /// Tokens read and written. Where a model does not count, four bytes are taken for one.
    pub tokens_max: u64,
    /// Millionths of a US dollar, where the price of the model is known.
    pub cost_micros_max: Option<u64>,
}

/// What the calls of one run took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spent {
    /// Calls that were begun.
    pub calls: u32,
    /// Tokens of all answers, unless one of them was not counted by its model.
    pub usage: Option<TokenUsage>,
    /// What they cost in millionths of a US dollar, unless one of them was not counted or has no known price.
    pub cost_micros: Option<u64>,
    /// The model that answered last.
    pub model: Option<String>,
}

/// A chat model that keeps the account of one run.
pub struct Metered {
    model: Arc<dyn ChatModel>,
    prices: Arc<PriceTable>,
    limits: CallLimits,
    account: Arc<Mutex<Account>>,
}

/// What was taken so far, guesses included, because limits have to hold for models that do not count.
#[derive(Debug, Default)]
struct Account {
    calls: u32,
    usage: TokenUsage,
    cost_micros: u64,
    model: Option<String>,
    /// Answers that were not counted by their model.
    uncounted: u32,
    /// Answers whose price is not known.
    unpriced: u32,
}

/// An answer on its way. When it ends, also by being dropped, it goes into the account.
struct Call {
    account: Arc<Mutex<Account>>,
    prices: Arc<PriceTable>,
    model: String,
    guess: TokenUsage,
    text_bytes: u64,
    counted: Option<TokenUsage>,
}

/// Bytes that are taken for a token: near for Latin text (4.3), and for Hangul (1.5 characters of 3 bytes).
const TOKEN_BYTES: u64 = 4;

impl Metered {
    /// `model` for a run that begins now.
    pub fn new(model: Arc<dyn ChatModel>, prices: Arc<PriceTable>, limits: CallLimits) -> Self {
        Self { model, prices, limits, account: Arc::default() }
    }

    /// What the calls that have ended took.
    pub fn spent(&self) -> Spent {
        let account = held(&self.account);
        let counted = account.model.is_some() && account.uncounted == 0;
        Spent {
            calls: account.calls,
            usage: counted.then_some(account.usage),
            cost_micros: (counted && account.unpriced == 0).then_some(account.cost_micros),
            model: account.model.clone(),
        }
    }

    /// Writes a call down and says how many tokens it may write.
    fn admit(&self, prompt_tokens: u64) -> Result<u32, ChatError> {
        let mut account = held(&self.account);
        if account.calls >= self.limits.calls_max {
            return Err(ChatError::OverBudget { what: "calls to the model", setting: "run_model_calls_max" });
        }
        let taken = account.usage.input.saturating_add(account.usage.output).saturating_add(prompt_tokens);
        let tokens = self.limits.tokens_max.saturating_sub(taken);
        if tokens == 0 {
            return Err(ChatError::OverBudget { what: "tokens", setting: "run_tokens_max" });
        }
        let money = self.limits.cost_micros_max.map(|most| most.saturating_sub(account.cost_micros));
        let bought = money.and_then(|left| self.prices.affordable(self.model.name(), prompt_tokens, left));
        if bought == Some(0) {
            return Err(ChatError::OverBudget { what: "money", setting: "run_cost_max_usd" });
        }
        account.calls += 1;
        let room = bought.map_or(tokens, |bought| bought.min(tokens));
        Ok(u32::try_from(room).unwrap_or(u32::MAX))
    }
}

#[async_trait]
impl ChatModel for Metered {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn stream(&self, mut request: ChatRequest) -> Result<ChatStream, ChatError> {
        let prompt_bytes: u64 = request.messages.iter().map(|message| message.content.len() as u64).sum();
        let prompt_tokens = prompt_bytes.div_ceil(TOKEN_BYTES);
        let room = self.admit(prompt_tokens)?;
        request.tokens_max = Some(request.tokens_max.map_or(room, |most| most.min(room)));
        let deltas = self.model.stream(request).await?;
        let call = Call {
            account: Arc::clone(&self.account),
            prices: Arc::clone(&self.prices),
            model: self.model.name().to_owned(),
            guess: TokenUsage { input: prompt_tokens, output: 0 },
            text_bytes: 0,
            counted: None,
        };
        let counting = futures::stream::unfold((deltas, call), |(mut deltas, mut call)| async move {
            // At the end the call is dropped here, and so is in the account as soon as its end is known.
            let delta = deltas.next().await?;
            call.note(delta.as_ref().ok());
            Some((delta, (deltas, call)))
        });
        Ok(counting.boxed())
    }
}

impl Call {
    fn note(&mut self, delta: Option<&ChatDelta>) {
        match delta {
            Some(ChatDelta::Answering { model }) => self.model.clone_from(model),
            Some(ChatDelta::Text(text)) => self.text_bytes += text.len() as u64,
            Some(ChatDelta::Usage(usage)) => self.counted = Some(*usage),
            Some(ChatDelta::Cut) | None => {}
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.guess.output = self.text_bytes.div_ceil(TOKEN_BYTES);
        let taken = self.counted.unwrap_or(self.guess);
        let cost = self.prices.cost_micros(&self.model, taken);
        let mut account = held(&self.account);
        account.usage.input = account.usage.input.saturating_add(taken.input);
        account.usage.output = account.usage.output.saturating_add(taken.output);
        account.cost_micros = account.cost_micros.saturating_add(cost.unwrap_or_default());
        account.uncounted += u32::from(self.counted.is_none());
        account.unpriced += u32::from(cost.is_none());
        account.model = Some(std::mem::take(&mut self.model));
    }
}

fn held(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().expect("nobody panics with the account")
}

#[cfg(test)]
mod tests {
    use super::super::Price;
    use super::*;
    use crate::types::{Message, Role};

    /// Answers with four words, and counts when it is told to.
    struct Counting(Option<TokenUsage>);

    #[async_trait]
    impl ChatModel for Counting {
        fn name(&self) -> &str {
            "asked"
        }

        async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
            if request.question == "fail" {
                return Err(ChatError::Busy);
            }
            let room = format!("{:>16}", request.tokens_max.unwrap());
            let deltas = [ChatDelta::Answering { model: "answers".to_owned() }, ChatDelta::Text(room)];
            let deltas = deltas.into_iter().chain(self.0.map(ChatDelta::Usage));
            Ok(futures::stream::iter(deltas.map(Ok).collect::<Vec<_>>()).boxed())
        }
    }

    const LIMITS: CallLimits = CallLimits { calls_max: 3, tokens_max: 1_000, cost_micros_max: None };

    fn metered(usage: Option<(u64, u64)>, limits: CallLimits) -> Metered {
        let price = |model: &str, input, output| Price { model: model.to_owned(), input, output };
        let prices = PriceTable::new(vec![price("answers", 1.0, 2.0), price("asked", 1.0, 2.0)]);
        let usage = usage.map(|(input, output)| TokenUsage { input, output });
        Metered::new(Arc::new(Counting(usage)), Arc::new(prices), limits)
    }

    /// Asks with a prompt of 100 tokens and gives how many the model was told that it may write.
    async fn ask(metered: &Metered, question: &str) -> Result<u32, ChatError> {
        let messages = vec![Message { role: Role::User, content: "x".repeat(400) }];
        let request = ChatRequest { messages, question: question.to_owned(), ..ChatRequest::default() };
        let mut deltas = metered.stream(request).await?;
        let mut room = 0;
        while let Some(delta) = deltas.next().await {
            if let ChatDelta::Text(text) = delta? {
                room = text.trim().parse().unwrap();
            }
        }
        Ok(room)
    }

    #[tokio::test]
    async fn calls_tokens_and_cost_are_added_up_and_each_call_is_told_what_is_left() {
        let metered = metered(Some((120, 30)), LIMITS);
        assert_eq!(metered.spent(), Spent::default());
        assert_eq!((ask(&metered, "").await, ask(&metered, "").await), (Ok(900), Ok(750)));
        let spent = metered.spent();
        assert_eq!((spent.calls, spent.usage), (2, Some(TokenUsage { input: 240, output: 60 })));
        assert_eq!((spent.cost_micros, spent.model.as_deref()), (Some(360), Some("answers")));
    }

    #[tokio::test]
    async fn every_limit_refuses_the_call_that_would_be_over_it() {
        let refused = async |usage, limits| {
            let metered = metered(Some(usage), limits);
            loop {
                match ask(&metered, "").await {
                    Ok(_) => {}
                    Err(ChatError::OverBudget { setting, .. }) => return (setting, metered.spent().calls),
                    Err(error) => panic!("{error}"),
                }
            }
        };
        assert_eq!(refused((1, 1), LIMITS).await, ("run_model_calls_max", 3));
        assert_eq!(refused((500, 450), LIMITS).await, ("run_tokens_max", 1));
        let cheap = CallLimits { cost_micros_max: Some(400), ..LIMITS };
        assert_eq!(refused((100, 100), cheap).await, ("run_cost_max_usd", 1));
        assert_eq!(ask(&metered(None, cheap), "").await, Ok(150), "money buys fewer words than there is room for");
    }

    #[tokio::test]
    async fn what_no_model_counts_is_guessed_for_the_limits_and_reported_as_unknown() {
        let metered = metered(None, LIMITS);
        assert_eq!((ask(&metered, "").await, ask(&metered, "").await), (Ok(900), Ok(796)));
        let spent = metered.spent();
        assert_eq!((spent.calls, spent.usage, spent.cost_micros), (2, None, None));
    }

    #[tokio::test]
    async fn an_answer_that_is_dropped_is_in_the_account_and_one_that_never_came_is_not() {
        let metered = metered(Some((120, 30)), LIMITS);
        assert_eq!(ask(&metered, "fail").await, Err(ChatError::Busy));
        assert_eq!((metered.spent().calls, metered.spent().usage), (1, None));
        let messages = vec![Message { role: Role::User, content: "x".repeat(400) }];
        let mut deltas = metered.stream(ChatRequest { messages, ..ChatRequest::default() }).await.unwrap();
        assert!(deltas.next().await.unwrap().is_ok());
        drop(deltas);
        assert_eq!(ask(&metered, "").await, Ok(800));
        assert_eq!(metered.spent().usage, None);
    }
}
