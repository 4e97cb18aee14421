//! Chat templates of five model families, against renderings by jinja2 as transformers sets it up.

use std::path::PathBuf;

use serde_json::Value;
use ulp_infer::{ChatTemplate, ChatTemplateOptions};

fn test_data() -> PathBuf {
    std::env::var_os("ULP_TEST_DATA").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into(),
        PathBuf::from,
    )
}

#[test]
fn renderings_equal_jinja2s() {
    let path = test_data().join("chat-templates/golden_renderings.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {}", path.display());
        return;
    };
    let golden: Value = serde_json::from_str(&text).unwrap();
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
