//! Fitting: logistic regression by Newton's method with a penalty, and a threshold that costs least.

use std::collections::BTreeMap;

use ibid::retrieval::Coefficients;

use super::asked::{Asked, Kind};

/// What refusing a question costs that the hits answer, and what answering one costs that they do not. A person who is refused
/// loses an answer that is there, and trust in every later refusal; one who is answered beside the point sees the passages.
pub(crate) const COST_OF_REFUSING: f64 = 5.0;
pub(crate) const COST_OF_ANSWERING: f64 = 1.0;

/// What the square of a coefficient costs, in signals that are scaled to a deviation of 1: a signal has to earn its place.
const PENALTY: f64 = 1e-2;
const STEPS: usize = 30;

/// A question with what it weighs in a fit.
struct Weighed<'a> {
    asked: &'a Asked,
    is_answered: bool,
    weight: f64,
}

/// The coefficients for these signals, with an intercept under which the cheapest threshold is 0.
pub(crate) fn fitted(asked: &[&Asked], signals: &[&str]) -> Coefficients {
    let questions = weighed(asked);
    let mut coefficients = unscaled(&questions, signals);
    coefficients.intercept -= cheapest(&questions, &coefficients);
    coefficients
}

/// Every set counts the same within its class, and both classes count the same. A question whose answer is not among the hits is
/// left out: it should be refused for the passages that are there, and answered for those that are not.
fn weighed<'a>(asked: &[&'a Asked]) -> Vec<Weighed<'a>> {
    let used = asked.iter().filter(|it| it.found || it.kind != Kind::Answered);
    let mut sizes: BTreeMap<(bool, &str, Kind), f64> = BTreeMap::new();
    let key = |it: &'a Asked| (it.kind == Kind::Answered, it.set.as_str(), it.kind);
    used.clone().for_each(|it| *sizes.entry(key(it)).or_default() += 1.0);
    let groups = |is_answered: bool| sizes.keys().filter(|group| group.0 == is_answered).count() as f64;
    let both = [groups(false), groups(true)];
    let weight = |it: &'a Asked| {
        let group = key(it);
        Weighed { asked: it, is_answered: group.0, weight: 0.5 / both[usize::from(group.0)] / sizes[&group] }
    };
    used.map(|it| weight(it)).collect()
}

fn value(asked: &Asked, signal: &str) -> f64 {
    f64::from(asked.signals.get(signal).copied().unwrap_or(0.0))
}

fn unscaled(questions: &[Weighed<'_>], signals: &[&str]) -> Coefficients {
    let scales: Vec<(f64, f64)> = signals.iter().map(|signal| mean_and_deviation(questions, signal)).collect();
    let rows: Vec<Vec<f64>> = questions
        .iter()
        .map(|question| {
            let scaled =
                |(signal, (mean, deviation)): (&&str, &(f64, f64))| (value(question.asked, signal) - mean) / deviation;
            std::iter::once(1.0).chain(signals.iter().zip(&scales).map(scaled)).collect()
        })
        .collect();
    let solved = newton(&rows, questions);
    let mut intercept = solved[0];
    let mut named = BTreeMap::new();
    for ((signal, (mean, deviation)), coefficient) in signals.iter().zip(&scales).zip(&solved[1..]) {
        intercept -= coefficient * mean / deviation;
        named.insert((*signal).to_owned(), rounded(coefficient / deviation));
    }
    Coefficients { intercept: rounded(intercept), signals: named }
}

#[expect(clippy::cast_possible_truncation, reason = "coefficients are small and kept to three digits")]
fn rounded(value: f64) -> f32 {
    ((value * 1e3).round() / 1e3) as f32
}

fn mean_and_deviation(questions: &[Weighed<'_>], signal: &str) -> (f64, f64) {
    let total: f64 = questions.iter().map(|it| it.weight).sum();
    let mean = questions.iter().map(|it| it.weight * value(it.asked, signal)).sum::<f64>() / total;
    let spread = |it: &Weighed<'_>| it.weight * (value(it.asked, signal) - mean).powi(2);
    let deviation = (questions.iter().map(spread).sum::<f64>() / total).sqrt();
    (mean, if deviation > 1e-6 { deviation } else { 1.0 })
}

/// Newton's method for the penalised log-likelihood; the intercept, which is the first, is not penalised.
fn newton(rows: &[Vec<f64>], questions: &[Weighed<'_>]) -> Vec<f64> {
    let width = rows.first().map_or(1, Vec::len);
    let mut solved = vec![0.0; width];
    for _ in 0..STEPS {
        let mut gradient = vec![0.0; width];
        let mut curvature = vec![vec![0.0; width]; width];
        for (row, question) in rows.iter().zip(questions) {
            let sum: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
            let likely = 1.0 / (1.0 + (-sum).exp());
            let missed = f64::from(u8::from(question.is_answered)) - likely;
            let bend = question.weight * (likely * (1.0 - likely)).max(1e-9);
            for (at, a) in row.iter().enumerate() {
                gradient[at] += question.weight * missed * a;
                row.iter().zip(&mut curvature[at]).for_each(|(b, cell)| *cell += bend * a * b);
            }
        }
        for at in 0..width {
            let penalty = if at == 0 { 1e-9 } else { PENALTY };
            gradient[at] -= penalty * solved[at];
            curvature[at][at] += penalty;
        }
        let step = solution(curvature, gradient);
        solved.iter_mut().zip(&step).for_each(|(value, step)| *value += step);
        if step.iter().all(|step| step.abs() < 1e-7) {
            break;
        }
    }
    solved
}

/// Solves a symmetric, positive system of equations by elimination.
fn solution(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let width = right.len();
    for pivot in 0..width {
        for row in pivot + 1..width {
            let share = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot].clone();
            matrix[row].iter_mut().zip(&above).skip(pivot).for_each(|(value, above)| *value -= share * above);
            right[row] -= share * right[pivot];
        }
    }
    for row in (0..width).rev() {
        let known: f64 = (row + 1..width).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// The log-odds from which on answering costs least.
fn cheapest(questions: &[Weighed<'_>], coefficients: &Coefficients) -> f32 {
    let mut scored: Vec<(f32, f64)> = questions
        .iter()
        .map(|it| {
            let cost = if it.is_answered { COST_OF_REFUSING } else { -COST_OF_ANSWERING };
            (coefficients.log_odds(&it.asked.signals), cost * it.weight)
        })
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best = (0.0, scored.first().map_or(0.0, |(odds, _)| odds - 1.0));
    let mut cost = 0.0;
    // Refusing everything up to a question costs what those cost that are answered, and saves what the others would.
    for pair in scored.windows(2) {
        cost += pair[0].1;
        if cost < best.0 {
            best = (cost, (pair[0].0 + pair[1].0) / 2.0);
        }
    }
    best.1
}
