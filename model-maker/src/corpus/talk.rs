//! Talks: a listener asks for a story, the teller tells it and answers questions about it.

use super::dice::Dice;
use super::story;
use super::teller::Teller;

/// Opens a listener's turn.
pub(crate) const USER: &str = "<|user|>";
/// Opens the teller's turn.
pub(crate) const ASSISTANT: &str = "<|assistant|>";
/// Ends a turn.
pub(crate) const END: &str = "<|end|>";

struct Talk {
    text: String,
}

impl Talk {
    fn turn(&mut self, asked: &str, answered: &str) {
        self.text.push_str(&format!("{USER}\n{asked}{END}\n{ASSISTANT}\n{answered}{END}\n"));
    }
}

/// A talk with a greeting now and then, a story, and up to three questions about it.
pub(super) fn talk(mut dice: Dice) -> String {
    let mut talk = Talk { text: String::new() };
    if dice.chance(1, 4) {
        small_talk(&mut dice, &mut talk);
    }
    if dice.chance(1, 12) {
        return talk_without_story(dice, talk);
    }
    let greeted = !talk.text.is_empty();
    let mut teller = story(dice);
    let request = ask_for_story(&mut teller, greeted);
    talk.turn(&request, &teller.text());
    for _ in 0..teller.dice.below(4) {
        let fact = teller.facts[teller.dice.below(teller.facts.len())].clone();
        talk.turn(&fact.question, &fact.answer);
    }
    if teller.dice.chance(1, 4) {
        goodbye(&mut teller.dice, &mut talk);
    }
    talk.text
}

fn talk_without_story(mut dice: Dice, mut talk: Talk) -> String {
    small_talk(&mut dice, &mut talk);
    goodbye(&mut dice, &mut talk);
    talk.text
}

fn ask_for_story(t: &mut Teller, greeted: bool) -> String {
    let open: &[&str] = &[
        "Tell me a story.",
        "Please tell me a story.",
        "Can you tell me a story?",
        "I would like to hear a story.",
        "Tell me a short story.",
        "A story, please.",
    ];
    let about: &[&str] = &[
        "Tell me a story about {a kind}.",
        "Tell me a story about {a kind} named {H}.",
        "Can you tell me a story about {a trait} {kind}?",
        "Please tell me about {H}, the {kind}.",
        "Write a story about {a kind} called {H}.",
        "I want a story about {H}.",
        "Tell me a story about {H} and {F}.",
        "Do you know a story about {a kind} and {a fkind}?",
        "Tell me about {a trait} {kind} named {H}.",
        "Write a short story about {a kind}.",
    ];
    let list = if t.dice.chance(1, 4) { open } else { about };
    let template = t.dice.pick(list);
    let request = t.fill(template);
    if !greeted && t.dice.chance(1, 8) { format!("Hello! {request}") } else { request }
}

fn small_talk(dice: &mut Dice, talk: &mut Talk) {
    let (asked, answered) = dice.pick(&[
        ("Hello!", "Hello! Would you like to hear a story?"),
        ("Hello", "Hello! What shall I tell you about?"),
        ("Hi", "Hi! I know many stories. Shall I tell you one?"),
        ("Hi there!", "Hi! It is nice to meet you. Would you like a story?"),
        ("Good morning!", "Good morning! It is a fine day for a story."),
        ("Good evening.", "Good evening! Would you like to hear a story before you sleep?"),
        ("How are you?", "I am well, thank you. Shall I tell you a story?"),
        ("Who are you?", "I am a little storyteller. I live in this program and know a small world of stories."),
        ("What is your name?", "I have no name. I am a little storyteller."),
        ("What can you do?", "I can tell you a story about a fox, a girl, a bear or many others. Just ask me."),
        ("What stories do you know?", "I know stories of animals and children, of lost toys, storms, gardens and long ways home."),
        ("Can you help me?", "I can tell you a story. What shall it be about?"),
        ("Are you a person?", "No, I am a very small language model that tells stories."),
    ]);
    talk.turn(asked, answered);
}

fn goodbye(dice: &mut Dice, talk: &mut Talk) {
    let (asked, answered) = dice.pick(&[
        ("Thank you!", "You are welcome! Come again for another story."),
        ("Thanks.", "You are welcome!"),
        ("That was nice.", "I am glad that you liked it."),
        ("I liked the story.", "I am glad that you liked it. Shall I tell you another one?"),
        ("Good night!", "Good night! Sleep well."),
        ("Bye!", "Goodbye! Come back soon."),
        ("Goodbye", "Goodbye! It was nice to talk to you."),
    ]);
    talk.turn(asked, answered);
}
