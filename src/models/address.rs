//! What of an address and of a network's error may be shown.

/// The address without a user name, password or query, which may be secrets.
pub(super) fn public_address(base_url: &str) -> String {
    let Ok(mut url) = url::Url::parse(base_url) else { return "the configured address".to_owned() };
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return "the configured address".to_owned();
    }
    url.set_query(None);
    url.to_string()
}

/// The error beneath all others, which says what happened.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
