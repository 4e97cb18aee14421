//! Chat templates of five model families, against renderings by jinja2 as transformers sets it up.

use serde_json::Value;
use ulp_infer::{ChatMessage, ChatTemplate, ChatTemplateOptions, InferError};

use crate::test_models::{json, reference_data};

#[test]
fn renderings_equal_jinja2s() {
    let Some(path) = reference_data("chat-templates/golden_renderings.json") else { return };
    let golden = json(&path);
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let renderings = golden["renderings"].as_array().unwrap();
    assert_eq!(renderings.len(), 60);
    for case in renderings {
        let name = case["template"].as_str().unwrap();
        let template = ChatTemplate::new(text_of(&golden["templates"][name])).unwrap();
        let messages = golden["messages"][case["messages"].as_str().unwrap()].as_array().unwrap();
        let options = ChatTemplateOptions {
            add_generation_prompt: case["add_generation_prompt"].as_bool().unwrap(),
            bos_token: text_of(&case["bos"]),
            eos_token: text_of(&case["eos"]),
            tools: None,
            now: Some(1_721_952_000), // 26 July 2024
        };
        let rendered = template.render_values(messages, &options);
        match case["rendered"].as_str() {
            Some(expected) => {
                assert_eq!(rendered.unwrap(), expected, "{name} {}", case["messages"])
            }
            None => assert!(rendered.is_err(), "{name} {} must be refused", case["messages"]),
        }
    }
}

/// Compiles and renders a template with one message.
fn render(source: String) -> Result<String, InferError> {
    let messages = [ChatMessage::new("user", "hello")];
    ChatTemplate::new(source)?.render(&messages, &ChatTemplateOptions::default())
}

#[test]
fn endless_templates_end() {
    let double = "{% set ns = namespace(x='ab') %}{% for i in range(90) %}";
    for source in [
        // Loops, and loops in macros that call themselves.
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".into(),
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}".into(),
        // Text that doubles, by each way to make text.
        format!("{double}{{% set ns.x = ns.x ~ ns.x %}}{{% endfor %}}"),
        format!("{double}{{% set ns.x = ns.x.replace('a', 'aaaa') %}}{{% endfor %}}"),
        format!("{double}{{% set ns.x = ns.x.join([ns.x, ns.x]) %}}{{% endfor %}}"),
        format!("{double}{{% set ns.x = ns.x | replace('b', 'bbbb') %}}{{% endfor %}}"),
        "{% for i in range(9) %}{{ 'a' * 99999999 }}{% endfor %}".into(),
        "{{ range(99999999999) }}".into(),
        "{{ range(9) | batch(99999999, 'x') | list }}".into(),
        // Text that no instruction pays for.
        "{{ messages | tojson(indent=999999999) }}".into(),
        "{{ strftime_now('%Y' * 100000) }}".into(),
    ] {
        let error = render(source.clone()).unwrap_err();
        assert!(matches!(error, InferError::Template { .. }), "{source}: {error}");
    }
}

#[test]
fn deep_templates_are_rendered_or_refused() {
    let times = 20_000;
    let around = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    let nest = "{% set ns = namespace(x=[]) %}{% for i in range(20000) %}{% set ns.x = [ns.x] %}";
    for source in [
        format!("{{{{ {} }}}}", around("(", "1", ")")),
        format!("{{{{ {} }}}}", around("[", "1", "]")),
        format!("{{{{ {} }}}}", around("not ", "1", "")),
        format!("{{{{ {} }}}}", around("-", "1", "")),
        format!("{{{{ {} }}}}", around("1+", "1", "")),
        format!("{{{{ {} }}}}", around("1**", "1", "")),
        format!("{{{{ {} }}}}", around("", "'a'", "|trim")),
        format!("{{{{ {} }}}}", around("", "a", ".b")),
        around("{% if 1 %}", "", "{% endif %}"),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(times)),
        format!("{nest}{{% endfor %}}done"),
        format!("{nest}{{% endfor %}}{{{{ ns.x }}}}"),
        format!("{nest}{{% endfor %}}{{{{ ns.x | tojson }}}}"),
        format!("{nest}{{% endfor %}}{{{{ ns.x | tojson(indent=8) }}}}"),
    ] {
        if let Err(error) = render(source) {
            assert!(matches!(error, InferError::Template { .. }), "{error}");
        }
    }
}

#[test]
fn a_template_longer_than_any_is_refused() {
    assert!(render("a".repeat(1 << 18)).is_ok());
    let error = render("a".repeat((1 << 18) + 1)).unwrap_err();
    assert!(matches!(error, InferError::Template { .. }), "{error}");
}

mod damaged {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// Pieces that templates are made of.
    fn piece() -> impl Strategy<Value = &'static str> {
        select(vec![
            "{{",
            "}}",
            "{%",
            "%}",
            "{%-",
            "-%}",
            "{#",
            "#}",
            " ",
            "\n",
            "'",
            "\"",
            "a",
            "messages",
            "for m in messages",
            "endfor",
            "if",
            "elif",
            "else",
            "endif",
            "set x =",
            "x",
            "not",
            "is",
            "defined",
            "|",
            "trim",
            "tojson",
            ".content",
            "['role']",
            "[0]",
            "[1:]",
            "[::-1]",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "~",
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "**",
            "==",
            "and",
            "1",
            "0",
            "-1",
            "99999999999999999999",
            "1.5",
            "none",
            "true",
            "macro f(a)",
            "endmacro",
            "f(1)",
            "range(3)",
            "namespace(a=1)",
            "raise_exception('no')",
            "strftime_now('%d')",
            "raw",
            "endraw",
            "generation",
            "endgeneration",
            "break",
            "continue",
            "\\",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_pieces(pieces in prop::collection::vec(piece(), 0..40)) {
            let _ = render(pieces.join(" "));
            let _ = render(format!("{{{{ {} }}}}", pieces.join("")));
        }

        #[test]
        fn a_template_with_pieces_in_it(changes in prop::collection::vec((any::<Index>(), piece()), 1..6)) {
            let mut source = String::from(
                "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' and not \
                 loop.first %}{{ raise_exception('order') }}{% endif %}<|{{ m['role'] }}|>\n\
                 {{- m.content | trim ~ eos_token }}{% set ns.n = ns.n + 1 %}{% endfor %}\
                 {% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
            );
            for (at, piece) in changes {
                source.insert_str(at.index(source.len()), piece);
            }
            let _ = render(source);
        }
    }
}
