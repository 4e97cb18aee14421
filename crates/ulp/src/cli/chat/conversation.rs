//! What has been said, and the prompt that it makes.

use crate::error::CliError;
use std::sync::Arc;
use ulp_infer::{ChatMessage, ChatTemplate, ChatTemplateOptions, EncodeOptions, Tokenizer};

pub(super) struct Conversation {
    template: ChatTemplate,
    tokenizer: Arc<Tokenizer>,
    options: ChatTemplateOptions,
    system: Option<ChatMessage>,
    /// User and assistant in turn.
    turns: Vec<ChatMessage>,
}

/// The tokens that an answer follows.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) ids: Vec<u32>,
    /// Exchanges that had to be forgotten to make room.
    pub(super) forgotten: usize,
}

impl Conversation {
    pub(super) fn new(
        template: ChatTemplate,
        tokenizer: Arc<Tokenizer>,
        system: Option<String>,
    ) -> Conversation {
        let mark = |id: Option<u32>| {
            id.and_then(|id| tokenizer.token_text(id)).unwrap_or_default().to_string()
        };
        let options = ChatTemplateOptions {
            add_generation_prompt: true,
            bos_token: mark(tokenizer.bos_id()),
            eos_token: mark(tokenizer.eos_id()),
            ..ChatTemplateOptions::default()
        };
        let system = system.map(|text| ChatMessage::new("system", text));
        Conversation { template, tokenizer, options, system, turns: Vec::new() }
    }

    pub(super) fn ask(&mut self, text: String) {
        self.turns.push(ChatMessage::new("user", text));
    }

    pub(super) fn answer(&mut self, text: String) {
        self.turns.push(ChatMessage::new("assistant", text));
    }

    pub(super) fn clear(&mut self) {
        self.turns.clear();
    }

    /// The prompt, which leaves `room` tokens of the context to the answer. The oldest exchanges
    /// are forgotten if it must be; the last question stays, even if it alone is too long.
    pub(super) fn prompt(&mut self, context: usize, room: usize) -> Result<Prompt, CliError> {
        let mut forgotten = 0;
        loop {
            let ids = self.ids()?;
            if ids.len() + room <= context || self.turns.len() < 3 {
                return Ok(Prompt { ids, forgotten });
            }
            self.turns.drain(..2);
            forgotten += 1;
        }
    }

    fn ids(&self) -> Result<Vec<u32>, CliError> {
        let messages: Vec<ChatMessage> = self.system.iter().chain(&self.turns).cloned().collect();
        let text = self.template.render(&messages, &self.options)?;
        let mut ids = self.tokenizer.encode(&text, EncodeOptions::TEMPLATE);
        // Not every template writes the mark that the model has seen before each text.
        if let Some(bos) = self.tokenizer.bos_id()
            && self.tokenizer.adds_bos()
            && ids.first() != Some(&bos)
        {
            ids.insert(0, bos);
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::Conversation;
    use std::sync::Arc;
    use ulp_infer::{ChatTemplate, train_byte_bpe};

    /// Each byte is a token, and a message is its text and a bar.
    fn conversation(system: Option<&str>) -> Conversation {
        let source = "{% for m in messages %}{{ m.content }}|{% endfor %}".to_string();
        let tokenizer = train_byte_bpe([""], 257, &["<s>"]).unwrap();
        let bos = tokenizer.token_id("<s>");
        let tokenizer = Arc::new(tokenizer.with_bos_eos(bos, None, true));
        let template = ChatTemplate::new(source).unwrap();
        Conversation::new(template, tokenizer, system.map(str::to_string))
    }

    fn text(conversation: &mut Conversation, context: usize, room: usize) -> (String, usize) {
        let prompt = conversation.prompt(context, room).unwrap();
        assert_eq!(prompt.ids[0], conversation.tokenizer.bos_id().unwrap());
        (conversation.tokenizer.decode(&prompt.ids), prompt.forgotten)
    }

    #[test]
    fn what_was_said_in_its_order() {
        let mut conversation = conversation(Some("S"));
        conversation.ask("one".into());
        conversation.answer("two".into());
        conversation.ask("three".into());
        assert_eq!(text(&mut conversation, 100, 10), ("S|one|two|three|".into(), 0));
        conversation.clear();
        conversation.ask("four".into());
        assert_eq!(text(&mut conversation, 100, 10), ("S|four|".into(), 0));
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_the_question_never() {
        let mut conversation = conversation(Some("S"));
        for (question, answer) in [("aaaa", "bbbb"), ("cccc", "dddd")] {
            conversation.ask(question.into());
            conversation.answer(answer.into());
        }
        conversation.ask("eeee".into());
        assert_eq!(text(&mut conversation, 24, 5), ("S|cccc|dddd|eeee|".into(), 1));
        assert_eq!(text(&mut conversation, 5, 5), ("S|eeee|".into(), 1));
    }
}
