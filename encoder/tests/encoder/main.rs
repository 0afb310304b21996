//! The encoder as its callers see it: a made-up model against a naive reference, hostile files, and the real model.

mod forward;
mod hostile;
mod real;
mod reference;
mod tiny;
mod tokens;
