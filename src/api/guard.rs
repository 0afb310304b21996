//! Keeps web pages of other places out of a server that listens on this machine only.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, ApiState};

/// Lets a request through that names a loopback host, or any when the server listens on a network. A page elsewhere can
/// point its own host name at 127.0.0.1 and would then be of our origin; its host name gives it away.
pub(super) async fn loopback_host(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if state.loopback_only && !host.is_empty() && !is_loopback(host) {
        let message = format!("this server answers on localhost only, not as {host}; set server.listen to change that");
        return ApiError::Forbidden(message).into_response();
    }
    next.run(request).await
}

/// Refuses what a page of another origin sends, unless that origin is allowed. For requests that a browser lets any page send
/// without asking first; it does not show the answer to that page, and the request is made all the same.
///
/// # Errors
/// [`ApiError::Forbidden`].
pub(super) fn own_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), ApiError> {
    let said = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("unreadable"));
    let Some(origin) = said(header::ORIGIN) else { return Ok(()) };
    let host = said(header::HOST).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host));
    if own || allowed.iter().any(|known| known == origin) {
        return Ok(());
    }
    Err(ApiError::Forbidden("pages of another origin may not do this; server.allowed_origins lists who may".to_owned()))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_our_own_and_allowed_origins_pass() {
        let passes = |origin: Option<&str>| {
            let mut headers = axum::http::HeaderMap::new();
            headers.insert("host", "localhost:8080".parse().unwrap());
            origin.map(|origin| headers.insert("origin", origin.parse().unwrap()));
            super::own_origin(&headers, &["https://app.example.org".to_owned()]).is_ok()
        };
        for origin in [None, Some("http://localhost:8080"), Some("https://app.example.org")] {
            assert!(passes(origin), "{origin:?}");
        }
        for origin in [
            "null",
            "http://localhost:9090",
            "http://localhost",
            "https://evil.example",
            "https://app.example.org.evil",
        ] {
            assert!(!passes(Some(origin)), "{origin}");
        }
    }

    #[test]
    fn loopback_names_pass_and_others_do_not() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:80", "ibid.localhost:1"] {
            assert!(super::is_loopback(host), "{host}");
        }
        for host in ["evil.example", "evil.example:8080", "10.0.0.1", "localhost.evil.example"] {
            assert!(!super::is_loopback(host), "{host}");
        }
    }
}
