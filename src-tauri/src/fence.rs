//! Keeps the window on its own page.
//!
//! The content security policy says what the page may load and run, but not where it may go: without this, a link or
//! a script could put another site into a window that looks like RetailFlow.

use tauri::plugin::{Builder, TauriPlugin};
use tauri::{Runtime, Url};

/// Refuses to load anything but the page. What is for the browser is opened there, by the desk.
pub(crate) fn fence<R: Runtime>() -> TauriPlugin<R> {
    Builder::new("fence").on_navigation(|_, url| is_the_page(url)).build()
}

/// Tauri serves the page under a scheme of its own, and where the system has no such thing, under a host of its own.
fn is_the_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost") && url.port().is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_be_loaded_and_nothing_else() {
        let is_the_page = |url: &str| is_the_page(&url.parse().expect("a URL"));
        for ours in ["tauri://localhost", "tauri://localhost/index.html?x#y", "http://tauri.localhost/"] {
            assert!(is_the_page(ours), "{ours}");
        }
        for other in [
            "https://example.org/",
            "http://localhost/",
            "http://127.0.0.1:3000/",
            "http://tauri.localhost:8080/",
            "http://tauri.localhost.example.org/",
            "http://tauri.localhost@example.org/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:void(0)",
        ] {
            assert!(!is_the_page(other), "{other}");
        }
    }
}
