//! The headers that every response carries (spec access.md §10).
//!
//! Not for: headers of one answer, which its body brings along.

use super::state::Transport;

/// Pages and their parts come from this origin only; nothing may frame them.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
     connect-src 'self'; frame-src 'self' blob:; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";

/// For a stored document shown inside our own page: no script, no network, no form, and only we may frame it.
pub const DOCUMENT_POLICY: &str = "sandbox; default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; \
     form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'self'";

/// For a page that shows what a CDA document says: no script at all, not even ours, and nothing from elsewhere. Links to the
/// outside open beside it, by a page of ours that names the site.
pub const RENDERED_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' blob:; font-src 'self'; form-action 'self'; \
     base-uri 'none'; object-src 'none'; frame-ancestors 'self'; \
     sandbox allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads";

/// The same with one script, ours: only what the number of this one answer names may run. It brings the keys of the viewer, and
/// takes the page off the screen when the session has ended.
pub fn rendered_policy(nonce: &str) -> String {
    // No sandbox: one that lets a script of the same origin run holds nothing back, and browsers say so.
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'; require-trusted-types-for 'script'; style-src 'self'; \
         img-src 'self' blob:; font-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'self'"
    )
}

/// A policy under which these sites may show the page in a frame. Every ancestor of a frame is held against the list, so a
/// document inside our own page needs them too.
pub fn framed_by(policy: &str, sites: &[String]) -> String {
    let sites = sites.join(" ");
    policy
        .replace("frame-ancestors 'none'", &format!("frame-ancestors {sites}"))
        .replace("frame-ancestors 'self'", &format!("frame-ancestors 'self' {sites}"))
}

pub(super) fn defaults(transport: Transport) -> impl Iterator<Item = (&'static str, &'static str)> {
    const ALWAYS: [(&str, &str); 8] = [
        ("Content-Security-Policy", PAGE_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept, Authorization, Cookie, Prefer"),
    ];
    let strict = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
    ALWAYS.into_iter().chain((transport != Transport::Loopback).then_some(strict))
}
