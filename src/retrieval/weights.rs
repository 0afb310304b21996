//! The weights of fusion: a logistic model over what a question shows, with coefficients in a file that says how they were
//! fitted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::signals::Signals;
use crate::types::Signal;

/// The coefficients that come with the program.
const BUILT_IN: &str = include_str!("weights.toml");

/// The share of the vector leg as a function of [`Signals`]: `1 / (1 + exp(-(intercept + sum of coefficient * signal)))`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightModel {
    /// How the coefficients were found, for people.
    pub fitted: String,
    /// The log-odds of the vector leg's share when every signal is 0.
    pub intercept: f32,
    /// What each signal adds to the log-odds; a signal that is not named adds nothing.
    pub coefficients: BTreeMap<String, f32>,
}

/// Coefficients that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightModelError {
    /// The file is not what it should be.
    #[error("it is not valid: {0}")]
    Invalid(#[from] toml::de::Error),
    /// There is no such signal.
    #[error("there is no signal {0}; known are {known}", known = Signals::NAMES.join(", "))]
    UnknownSignal(String),
    /// Not a finite number.
    #[error("the coefficient of {0} is no finite number")]
    NotFinite(String),
}

impl WeightModel {
    /// The model that comes with the program.
    pub fn built_in() -> &'static Self {
        static MODEL: LazyLock<WeightModel> =
            LazyLock::new(|| WeightModel::read(BUILT_IN).expect("a test reads the file that is compiled in"));
        &MODEL
    }

    /// Reads coefficients out of TOML.
    ///
    /// # Errors
    /// [`WeightModelError`] by what is wrong.
    pub fn read(text: &str) -> Result<Self, WeightModelError> {
        let model: Self = toml::from_str(text)?;
        for (name, coefficient) in &model.coefficients {
            if !Signals::NAMES.contains(&name.as_str()) {
                return Err(WeightModelError::UnknownSignal(name.clone()));
            }
            if !coefficient.is_finite() {
                return Err(WeightModelError::NotFinite(name.clone()));
            }
        }
        if model.intercept.is_finite() { Ok(model) } else { Err(WeightModelError::NotFinite("intercept".to_owned())) }
    }

    /// The vector leg's share, 0 to 1.
    pub fn vector_weight(&self, signals: &Signals) -> f32 {
        let moved: f32 = self.moves(signals).map(|(_, signal)| signal.contribution).sum();
        1.0 / (1.0 + (-(self.intercept + moved)).exp())
    }

    /// Every signal by name, with what it adds to the log-odds.
    pub fn explained(&self, signals: &Signals) -> BTreeMap<String, Signal> {
        self.moves(signals).map(|(name, signal)| (name.to_owned(), signal)).collect()
    }

    fn moves(&self, signals: &Signals) -> impl Iterator<Item = (&'static str, Signal)> {
        signals.named().map(|(name, value)| {
            let coefficient = self.coefficients.get(name).copied().unwrap_or(0.0);
            (name, Signal { value, contribution: coefficient * value })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_the_logistic_function_of_the_sum() {
        let text = "fitted = \"by hand\"\nintercept = 1.0\n[coefficients]\nknown = -2.0\n";
        let model = WeightModel::read(text).unwrap();
        let at = |known| model.vector_weight(&Signals { known, ..Signals::default() });
        assert_eq!(at(0.5), 0.5);
        assert!((at(0.0) - 0.731_058_6).abs() < 1e-6);
        let explained = model.explained(&Signals { known: 0.5, ..Signals::default() });
        assert_eq!(explained["known"], Signal { value: 0.5, contribution: -1.0 });
    }

    #[test]
    fn the_built_in_model_can_be_read_and_unknown_signals_are_refused() {
        assert!(!WeightModel::built_in().fitted.is_empty());
        let text = "fitted = \"\"\nintercept = 0\n[coefficients]\nmoon = 1.0\n";
        assert!(WeightModel::read(text).unwrap_err().to_string().contains("moon"));
        assert!(WeightModel::read("intercept = 0").is_err());
    }
}
