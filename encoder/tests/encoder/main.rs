//! The encoders as their callers see them: made-up models against references, hostile files, and the real model.

mod cross;
mod forward;
mod hostile;
mod real;
mod reference;
mod tiny;
mod tokens;
