//! Chat templates: a conversation to the text that the model was tuned on.
//!
//! A model that was tuned to chat carries a Jinja template (`tokenizer.chat_template` in GGUF,
//! `chat_template` in `tokenizer_config.json`). Templates are written against jinja2 as the
//! transformers library sets it up, so the environment here is set up the same way:
//! `trim_blocks` and `lstrip_blocks` on, `raise_exception`, `strftime_now`, `break`/`continue`,
//! Python's methods on strings, lists and dictionaries, and a `tojson` that writes what Python's
//! `json.dumps(..., ensure_ascii=False)` writes (no HTML escapes, keys in their own order).
//!
//! A template is outside input: it may loop for ever, nest without end or be nonsense. It therefore
//! runs on a budget of instructions and text, is compiled and rendered on a stack that is large
//! enough for the deepest values and expressions that the budget allows, and every failure is a
//! typed error. (What the template engine itself does not count stays open: a namespace that holds
//! itself, and a list added to itself some sixty times.)
//!
//! See [Chat templates](https://huggingface.co/docs/transformers/chat_templating).

mod json;
mod strftime;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::{Deserialize, Serialize};

use crate::error::InferError;
use json::python_json;
use strftime::{strftime, unix_now};

/// Instructions that one rendering may execute; an instruction also pays for 64 bytes of text. The
/// longest template in use (Llama 3.1 with tools) needs a few hundred for each message; this allows
/// thousands of messages or 128 MB of text, and ends an endless loop within a second.
const FUEL: u64 = 2_000_000;
/// Bytes that a template may have; the longest in use have some tens of thousands.
const MAX_SOURCE: usize = 1 << 18;
/// Bytes of the stack on which templates are compiled and rendered. An expression as long as the
/// longest source takes 160 MB without optimisation, the deepest list that [`FUEL`] pays for
/// 150 MB; the system hands out what is used.
const STACK: usize = 512 << 20;

/// One message of a conversation. Further fields that a template may read (`tool_calls`, `name`)
/// go into [`ChatTemplate::render_values`].
///
/// # Examples
///
/// ```
/// use ulp_infer::ChatMessage;
///
/// let message = ChatMessage::new("user", "Hello");
/// assert_eq!((&*message.role, &*message.content), ("user", "Hello"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A message of `role` saying `content`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        ChatMessage { role: role.into(), content: content.into() }
    }
}

/// What a template may use besides the messages.
///
/// # Examples
///
/// ```
/// use ulp_infer::{ChatTemplate, ChatTemplateOptions};
///
/// let source = "{{ bos_token }}{{ strftime_now('%d %b %Y') }}{{ tools | tojson }}";
/// let options = ChatTemplateOptions {
///     bos_token: "<s>".into(),
///     tools: Some(serde_json::json!([{"name": "add", "strict": true}])),
///     now: Some(1_721_952_000),
///     ..ChatTemplateOptions::default()
/// };
/// let text = ChatTemplate::new(source.into())?.render(&[], &options)?;
/// assert_eq!(text, r#"<s>26 Jul 2024[{"name": "add", "strict": true}]"#);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ChatTemplateOptions {
    /// Ends the text with the opening of the assistant's turn.
    pub add_generation_prompt: bool,
    /// The text of the beginning-of-sequence token, `bos_token` in the template.
    pub bos_token: String,
    /// The text of the end-of-sequence token, `eos_token` in the template.
    pub eos_token: String,
    /// Descriptions of tools, `tools` in the template (a list, as the OpenAI API has it).
    pub tools: Option<serde_json::Value>,
    /// Fixes what `strftime_now` takes for now, in seconds since 1970 (UTC); the clock otherwise.
    pub now: Option<i64>,
}

/// A compiled chat template.
///
/// # Examples
///
/// ```
/// use ulp_infer::{ChatMessage, ChatTemplate, ChatTemplateOptions};
///
/// let template = ChatTemplate::new(
///     "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}".to_string(),
/// )?;
/// let text = template.render(
///     &[ChatMessage::new("user", "What is an ulp?")],
///     &ChatTemplateOptions::default(),
/// )?;
/// assert_eq!(text, "<|user|>What is an ulp?\n");
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
}

/// The name the template has in error messages.
const NAME: &str = "chat_template";

impl ChatTemplate {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// [`InferError::Template`] where the source is not a template, or longer than 256 KiB.
    pub fn new(source: String) -> Result<Self, InferError> {
        if source.len() > MAX_SOURCE {
            let what = format!("a template of {} bytes", source.len());
            return Err(template_error(Error::new(ErrorKind::SyntaxError, what)));
        }
        on_a_large_stack(|| Self::compile(source))
    }

    fn compile(source: String) -> Result<Self, InferError> {
        let mut environment = Environment::new();
        // The syntax has to be set before the template is added: it is compiled on the way in.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .expect("the default delimiters are valid");
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python_json);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", |format: &str| strftime(unix_now(), format));
        environment.add_template_owned(NAME, source).map_err(template_error)?;
        Ok(ChatTemplate { environment })
    }

    /// The text of a conversation.
    ///
    /// # Errors
    ///
    /// [`InferError::TemplateRefused`] where the template itself refuses the conversation,
    /// [`InferError::Template`] where it fails.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        options: &ChatTemplateOptions,
    ) -> Result<String, InferError> {
        self.render_value(Value::from(Serde(messages)), options)
    }

    /// The text of a conversation whose messages are JSON objects, with whatever fields the
    /// template reads.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{ChatTemplate, ChatTemplateOptions, InferError};
    /// use serde_json::json;
    ///
    /// let source = "{% if not messages %}{{ raise_exception('no messages') }}{% endif %}\
    ///               {{ messages[0].name }}: {{ messages[0].content }}";
    /// let template = ChatTemplate::new(source.into())?;
    /// let options = ChatTemplateOptions::default();
    /// let messages = [json!({"role": "user", "name": "Ada", "content": "Hello"})];
    /// assert_eq!(template.render_values(&messages, &options)?, "Ada: Hello");
    /// let refused = template.render_values(&[], &options);
    /// assert!(matches!(refused, Err(InferError::TemplateRefused { .. })));
    /// # Ok::<(), InferError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ChatTemplate::render`].
    pub fn render_values(
        &self,
        messages: &[serde_json::Value],
        options: &ChatTemplateOptions,
    ) -> Result<String, InferError> {
        self.render_value(Value::from(Serde(messages)), options)
    }

    fn render_value(
        &self,
        messages: Value,
        options: &ChatTemplateOptions,
    ) -> Result<String, InferError> {
        let template = self.environment.get_template(NAME).map_err(template_error)?;
        let mut context = vec![
            ("messages", messages),
            ("add_generation_prompt", Value::from(options.add_generation_prompt)),
            ("bos_token", Value::from(options.bos_token.as_str())),
            ("eos_token", Value::from(options.eos_token.as_str())),
            ("tools", Value::from(Serde(&options.tools))),
        ];
        if let Some(now) = options.now {
            // A name in the context shadows the environment's function of that name.
            let fixed = Value::from_function(move |format: &str| strftime(now, format));
            context.push(("strftime_now", fixed));
        }
        let context = Value::from_pairs(context);
        on_a_large_stack(|| template.render(context).map_err(template_error))
    }
}

/// Does `work` on a thread with a stack of [`STACK`] bytes, and waits for it.
fn on_a_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, InferError> + Send,
) -> Result<T, InferError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread =
            thread.map_err(|source| InferError::io("a thread for a chat template", source))?;
        thread.join().unwrap_or_else(|_| {
            let what = "the template engine panicked";
            Err(template_error(Error::new(ErrorKind::InvalidOperation, what)))
        })
    })
}

/// Marks an error as raised on purpose. The detail text of the innermost cause is the template's.
#[derive(Debug)]
struct Raised(String);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn template_error(error: Error) -> InferError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(Raised(message)) = at.downcast_ref::<Raised>() {
            return InferError::TemplateRefused { message: message.clone() };
        }
        cause = at.source();
    }
    InferError::Template { line: error.line(), source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, messages: serde_json::Value) -> Result<String, InferError> {
        let messages = messages.as_array().unwrap().clone();
        ChatTemplate::new(source.to_string())?.render_values(
            &messages,
            // 26 July 2024, 12:34:56 UTC: a Friday.
            &ChatTemplateOptions { now: Some(1_721_997_296), ..Default::default() },
        )
    }

    #[test]
    fn blocks_are_trimmed_as_transformers_does() {
        let source = "a\n  {% if true %}\nb\n  {% endif %}\nc\n";
        // The newline after a block and the blanks before it go; the last newline of the file too.
        assert_eq!(render(source, serde_json::json!([])).unwrap(), "a\nb\nc");
    }

    #[test]
    fn raise_exception_is_a_refusal_with_the_templates_words() {
        let error = render("{{ raise_exception('no system turn') }}", serde_json::json!([]));
        assert!(matches!(
            error,
            Err(InferError::TemplateRefused { message }) if message == "no system turn"
        ));
        let syntax = ChatTemplate::new("a\n{% if %}".to_string());
        assert!(matches!(syntax, Err(InferError::Template { line: Some(2), .. })));
    }

    #[test]
    fn an_endless_template_ends() {
        let source =
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
        assert!(matches!(render(source, serde_json::json!([])), Err(InferError::Template { .. })));
    }

    #[test]
    fn python_methods_and_loop_controls() {
        let source = "{% for m in messages %}{% if m.content.startswith('b') %}{% continue %}\
                      {% endif %}{{ m['content'].strip().upper() }};{% endfor %}\
                      {% for k, v in messages[0].items() %}{{ k }}={{ v }} {% endfor %}";
        let messages = serde_json::json!([{"role": "u", "content": " x "}, {"content": "b"}]);
        assert_eq!(render(source, messages).unwrap(), "X;role=u content= x  ");
    }

    #[test]
    fn tojson_writes_what_python_writes() {
        let messages = serde_json::json!([{"z": [1, 2.5, true, null, {}], "a": "<é'\"\u{1}>"}]);
        // json.dumps(x, ensure_ascii=False) of the same value.
        assert_eq!(
            render("{{ messages[0] | tojson }}", messages.clone()).unwrap(),
            r#"{"z": [1, 2.5, true, null, {}], "a": "<é'\"\u0001>"}"#
        );
        // json.dumps(x, indent=2): no blank after the comma.
        assert_eq!(
            render("{{ messages[0]['z'][:2] | tojson(indent=2) }}", messages).unwrap(),
            "[\n  1,\n  2.5\n]"
        );
    }
}
