//! Chat templates: a conversation to the text that the model was tuned on.
//!
//! A model that was tuned to chat carries a Jinja template (`tokenizer.chat_template` in GGUF,
//! `chat_template` in `tokenizer_config.json`). Templates are written against jinja2 as the
//! transformers library sets it up, so the environment here is set up the same way:
//! `trim_blocks` and `lstrip_blocks` on, `raise_exception`, `strftime_now`, `break`/`continue`,
//! Python's methods on strings, lists and dictionaries, and a `tojson` that writes what Python's
//! `json.dumps(..., ensure_ascii=False)` writes (no HTML escapes, keys in their own order).
//!
//! A template is outside input: it may loop for ever or be nonsense. It therefore runs on a budget
//! of instructions and every failure is a typed error.
//!
//! See [Chat templates](https://huggingface.co/docs/transformers/chat_templating).

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::{Deserialize, Serialize};

use crate::error::InferError;

/// Instructions that one rendering may execute; an instruction also pays for 64 bytes of text. The
/// longest template in use (Llama 3.1 with tools) needs a few hundred for each message; this allows
/// ten thousand messages or 300 MB of text, and ends an endless loop within a second.
const FUEL: u64 = 5_000_000;

/// One message of a conversation. Further fields that a template may read (`tool_calls`, `name`)
/// go into [`ChatTemplate::render_values`].
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
    /// [`InferError::Template`] where the source is not a template.
    pub fn new(source: String) -> Result<Self, InferError> {
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
        template.render(Value::from_pairs(context)).map_err(template_error)
    }
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

/// The `tojson` filter with the output of Python's `json.dumps(value, ensure_ascii=False, ...)`.
fn python_json(
    value: Serde<serde_json::Value>,
    indent: Option<usize>,
    options: Kwargs,
) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<usize>>("indent")?,
    };
    // Accepted by transformers' filter; false is what this one does in any case.
    let ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut out = String::new();
    JsonWriter { out: &mut out, indent, ascii, sorted }.value(&value, 0);
    Ok(Value::from_safe_string(out))
}

/// Writes JSON with the spacing of Python's `json` module: `, ` and `: ` on one line; with an
/// indent, `,` before the line break.
struct JsonWriter<'a> {
    out: &'a mut String,
    indent: Option<usize>,
    ascii: bool,
    sorted: bool,
}

impl JsonWriter<'_> {
    fn value(&mut self, value: &serde_json::Value, depth: usize) {
        match value {
            serde_json::Value::Array(items) => {
                self.sequence('[', ']', depth, items.iter(), |w, item| w.value(item, depth + 1));
            }
            serde_json::Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                if self.sorted {
                    entries.sort_by_key(|(key, _)| key.as_str());
                }
                self.sequence('{', '}', depth, entries.into_iter(), |w, (key, item)| {
                    w.text(key);
                    w.out.push_str(": ");
                    w.value(item, depth + 1);
                });
            }
            serde_json::Value::String(text) => self.text(text),
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn sequence<T>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.out.push(open);
        let empty = items.len() == 0;
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.out.push_str(if self.indent.is_some() { "," } else { ", " });
            }
            self.line_break(depth + 1);
            write(self, item);
        }
        if !empty {
            self.line_break(depth);
        }
        self.out.push(close);
    }

    fn line_break(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if (c as u32) < 0x20 => self.out.push_str(&format!("\\u{:04x}", c as u32)),
                c if self.ascii && !c.is_ascii() => {
                    let mut units = [0u16; 2];
                    for unit in c.encode_utf16(&mut units) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// A date and time of day, UTC.
struct CivilTime {
    year: i64,
    /// 0 for January.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// 0 for Monday.
    weekday: usize,
    /// 1 for the first of January.
    day_of_year: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl CivilTime {
    fn from_unix(seconds: i64) -> CivilTime {
        let (mut days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // 1 January 1970 was a Thursday.
        let weekday = (days + 3).rem_euclid(7) as usize;
        // 400 Gregorian years have 146,097 days: leave at most that many to walk through.
        let cycles = days.div_euclid(146_097);
        days -= cycles * 146_097;
        let mut year = 1970 + 400 * cycles;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let day_of_year = days + 1;
        let mut month = 0;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        CivilTime {
            year,
            month,
            day: days + 1,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
            weekday,
            day_of_year,
        }
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Python's `strftime` for the directives of the C locale. Time is UTC: a rendering must not
/// depend on where the machine stands.
fn strftime(now: i64, format: &str) -> Result<String, Error> {
    let t = CivilTime::from_unix(now);
    let hour12 = (t.hour + 11) % 12 + 1;
    let half = if t.hour < 12 { "AM" } else { "PM" };
    let (month, weekday) = (MONTHS[t.month], WEEKDAYS[t.weekday]);
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let text = match chars.next() {
            Some('a') => weekday[..3].to_string(),
            Some('A') => weekday.to_string(),
            Some('w') => ((t.weekday + 1) % 7).to_string(),
            Some('d') => format!("{:02}", t.day),
            Some('e') => format!("{:2}", t.day),
            Some('b' | 'h') => month[..3].to_string(),
            Some('B') => month.to_string(),
            Some('m') => format!("{:02}", t.month + 1),
            Some('y') => format!("{:02}", t.year.rem_euclid(100)),
            Some('Y') => t.year.to_string(),
            Some('H') => format!("{:02}", t.hour),
            Some('I') => format!("{hour12:02}"),
            Some('p') => half.to_string(),
            Some('M') => format!("{:02}", t.minute),
            Some('S') => format!("{:02}", t.second),
            Some('f') => "000000".to_string(),
            Some('z' | 'Z') => String::new(), // Python's naive datetime prints nothing here.
            Some('j') => format!("{:03}", t.day_of_year),
            Some('c') => format!(
                "{} {} {:2} {:02}:{:02}:{:02} {}",
                &weekday[..3],
                &month[..3],
                t.day,
                t.hour,
                t.minute,
                t.second,
                t.year
            ),
            Some('x' | 'D') => {
                format!("{:02}/{:02}/{:02}", t.month + 1, t.day, t.year.rem_euclid(100))
            }
            Some('X' | 'T') => format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second),
            Some('F') => format!("{}-{:02}-{:02}", t.year, t.month + 1, t.day),
            Some('%') => "%".to_string(),
            Some(other) => {
                let what = format!("strftime_now does not know the directive %{other}");
                return Err(Error::new(ErrorKind::InvalidOperation, what));
            }
            None => "%".to_string(),
        };
        out.push_str(&text);
    }
    Ok(out)
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

    #[test]
    fn strftime_follows_pythons() {
        let format = |f: &str| strftime(1_721_997_296, f).unwrap();
        assert_eq!(format("%d %b %Y"), "26 Jul 2024");
        assert_eq!(format("%A %B %j %H:%M:%S %I%p %%"), "Friday July 208 12:34:56 12PM %");
        assert_eq!(strftime(951_782_400, "%F %a").unwrap(), "2000-02-29 Tue");
        assert_eq!(strftime(-1, "%F %T").unwrap(), "1969-12-31 23:59:59");
        assert!(strftime(0, "%Q").is_err());
    }
}
