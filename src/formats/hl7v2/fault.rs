//! Why bytes are no message.
//!
//! Not for: what is odd in a message that can be read (its findings).

/// Why bytes are no message. The texts hold no content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("no MSH segment at the beginning")]
    NoHeader,
    #[error("MSH-1 and MSH-2 give no usable delimiters")]
    BadDelimiters,
    #[error("ends inside the MSH segment")]
    Truncated,
    #[error("longer than what is read")]
    TooLarge,
}

impl Fault {
    pub fn code(self) -> &'static str {
        match self {
            Fault::NoHeader => "leading-junk",
            Fault::BadDelimiters => "bad-delimiters",
            Fault::Truncated => "truncated",
            Fault::TooLarge => "too-large",
        }
    }
}
