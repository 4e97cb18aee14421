//! How a server runs: where it listens and what it lets in.

use std::time::Duration;

use crate::error::ServeError;

/// The server's own limits. Those of the engine (context, cache, requests that run at once) are
/// [`EngineOptions`](ulp_infer::EngineOptions).
///
/// # Examples
///
/// ```
/// use ulp_serve::ServeOptions;
///
/// let options = ServeOptions { port: 0, ..ServeOptions::default() };
/// assert_eq!(options.host, "127.0.0.1");
/// assert!(options.api_keys.is_empty() && options.cors_origins.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ServeOptions {
    /// The address or name to listen on.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Keys of which a client must send one (`Authorization: Bearer KEY`); without any, nobody is
    /// asked.
    pub api_keys: Vec<String>,
    /// Origins whose pages may call this server (`https://example.org`, or `*`); none by default.
    pub cors_origins: Vec<String>,
    /// Connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Bytes of a request's body at most.
    pub max_body: usize,
    /// Tokens of a prompt at most; the context is a limit too.
    pub max_prompt: usize,
    /// Answers that one request may ask for.
    pub max_n: usize,
    /// Responses (`/v1/responses`) that are kept in memory, to go on from and to be asked for; with 0
    /// none is.
    pub max_stored: usize,
    /// Bytes of the kept responses and their conversations at most; the oldest go first.
    pub max_stored_bytes: usize,
    /// Sequences that wait at most while as many run as may; one more gets 503.
    pub max_queue: usize,
    /// How long a request may take, waiting and all.
    pub timeout: Duration,
    /// How long a client may take to send a request, and not to read an answer.
    pub client_timeout: Duration,
    /// How long running requests may go on after the signal to end.
    pub drain: Duration,
    /// A stream that is silent for so long gets a comment, so that nothing on the way takes it for
    /// dead.
    pub ping: Duration,
}

impl Default for ServeOptions {
    /// Loopback on port 8080, no keys, 1024 connections, 8 MiB, 16 answers, 1000 kept responses of 64
    /// MiB together, a queue of 256, 10 minutes a request, 30 seconds for what a client does and for
    /// ending, pings after 10 seconds.
    fn default() -> Self {
        ServeOptions {
            host: "127.0.0.1".to_string(),
            port: 8080,
            api_keys: Vec::new(),
            cors_origins: Vec::new(),
            max_connections: 1024,
            max_body: 8 << 20,
            max_prompt: usize::MAX,
            max_n: 16,
            max_stored: 1000,
            max_stored_bytes: 64 << 20,
            max_queue: 256,
            timeout: Duration::from_secs(600),
            client_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            ping: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// Refuses limits that would let nothing in, and keys and origins that no header can hold.
    ///
    /// # Errors
    ///
    /// [`ServeError::Option`] naming the field.
    pub(crate) fn validate(&self) -> Result<(), ServeError> {
        let wrong = |field, expected| Err(ServeError::Option { field, expected });
        let is_word = |s: &String| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic());
        if !self.api_keys.iter().all(is_word) {
            return wrong("api_keys", "visible ASCII characters without blanks");
        }
        if !self.cors_origins.iter().all(is_word) {
            return wrong("cors_origins", "an origin as https://example.org, or *");
        }
        for (field, value) in [
            ("max_connections", self.max_connections),
            ("max_body", self.max_body),
            ("max_prompt", self.max_prompt),
            ("max_n", self.max_n),
        ] {
            if value == 0 {
                return wrong(field, "1 or more");
            }
        }
        for (field, value) in [
            ("timeout", self.timeout),
            ("client_timeout", self.client_timeout),
            ("ping", self.ping),
        ] {
            if value.is_zero() {
                return wrong(field, "more than no time");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_let_nothing_in_are_refused() {
        let field = |change: fn(&mut ServeOptions)| {
            let mut options = ServeOptions::default();
            change(&mut options);
            match options.validate() {
                Err(ServeError::Option { field, .. }) => Some(field),
                Ok(()) => None,
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(field(|_| ()), None);
        assert_eq!(field(|o| o.api_keys = vec!["a b".into()]), Some("api_keys"));
        assert_eq!(field(|o| o.cors_origins = vec!["\n".into()]), Some("cors_origins"));
        assert_eq!(field(|o| o.max_body = 0), Some("max_body"));
        assert_eq!(field(|o| o.timeout = Duration::ZERO), Some("timeout"));
        assert_eq!(field(|o| o.max_queue = 0), None, "who does not run is sent away");
    }
}
