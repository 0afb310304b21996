//! Fitting the weights: the intercept, and coefficients of signals that were asked for, by search along each of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use ibid::retrieval::{Fusion, WeightModel};

use super::questions::QuestionSet;

/// The first step along a coefficient, halved until the last.
const STEP_FIRST: f32 = 1.0;
const STEP_LAST: f32 = 0.1;
/// What a coefficient costs, squared, in nDCG: a signal has to earn its place.
const PENALTY: f64 = 0.000_3;
/// A gain below this is noise.
const GAIN_MIN: f64 = 1e-5;

/// The weights with the best mean over datasets of the mean nDCG@10.
pub(crate) fn fitted(sets: &[&QuestionSet], signals: &[String]) -> WeightModel {
    let mut model = WeightModel {
        fitted: String::new(),
        intercept: 0.0,
        coefficients: signals.iter().map(|name| (name.clone(), 0.0)).collect(),
    };
    let mut best = value(sets, &model);
    let mut step = STEP_FIRST;
    while step >= STEP_LAST {
        let tries = neighbours(&model, step).into_iter().map(|next| (value(sets, &next), next));
        let (found, next) = tries.max_by(|a, b| a.0.total_cmp(&b.0)).expect("an intercept has two neighbours");
        if found > best + GAIN_MIN {
            (best, model) = (found, next);
        } else {
            step /= 2.0;
        }
    }
    model
}

fn value(sets: &[&QuestionSet], model: &WeightModel) -> f64 {
    let fusion = Fusion::Adaptive(model.clone());
    let mean = sets.iter().map(|set| set.mean(&fusion)).sum::<f64>() / sets.len() as f64;
    mean - PENALTY * model.coefficients.values().map(|it| f64::from(it * it)).sum::<f64>()
}

/// The models one step away.
fn neighbours(model: &WeightModel, step: f32) -> Vec<WeightModel> {
    let mut all = Vec::new();
    for moved in [step, -step] {
        all.push(WeightModel { intercept: model.intercept + moved, ..model.clone() });
        for name in model.coefficients.keys() {
            let mut next = model.clone();
            *next.coefficients.get_mut(name).expect("the name is one of its keys") += moved;
            all.push(next);
        }
    }
    all
}

/// The file of a model, which says what it was fitted on.
pub(crate) fn coefficients_of(model: &WeightModel, sets: &[QuestionSet]) -> String {
    let names: Vec<String> = sets.iter().map(|set| format!("{} ({})", set.name, set.len())).collect();
    let fitted = format!(
        "by search for the best mean nDCG@10 over these datasets, each counting once (its questions): {}",
        names.join(", ")
    );
    let mut text = format!("fitted = {fitted:?}\nintercept = {}\n\n[coefficients]\n", model.intercept);
    let kept: BTreeMap<_, _> = model.coefficients.iter().filter(|(_, coefficient)| **coefficient != 0.0).collect();
    for (name, coefficient) in kept {
        writeln!(text, "{name} = {coefficient}").expect("a string takes what is written");
    }
    text
}
