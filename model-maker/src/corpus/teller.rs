//! The one who tells: draws from the lists, remembers who is who, and fills the blanks.

use super::dice::Dice;
use super::world::{self, Gender};

/// A character in a story.
#[derive(Clone, Debug)]
pub(crate) struct Character {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) home: &'static str,
    pub(crate) gender: Gender,
}

/// What a listener may ask about afterwards, with the answer.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) question: String,
    pub(crate) answer: String,
}

/// A story in the making: its paragraphs so far, the blanks' values, the facts worth asking about.
pub(crate) struct Teller {
    pub(crate) dice: Dice,
    pub(crate) hero: Character,
    pub(crate) friend: Character,
    pub(crate) facts: Vec<Fact>,
    blanks: Vec<(&'static str, String)>,
    paragraphs: Vec<String>,
    break_next: bool,
}

impl Teller {
    /// Draws a hero and a friend of different names and kinds.
    pub(crate) fn new(mut dice: Dice) -> Self {
        let hero = draw_character(&mut dice);
        let friend = loop {
            let other = draw_character(&mut dice);
            if other.name != hero.name && other.kind != hero.kind {
                break other;
            }
        };
        let mut teller = Self {
            dice,
            hero,
            friend,
            facts: Vec::new(),
            blanks: Vec::new(),
            paragraphs: Vec::new(),
            break_next: true,
        };
        teller.name_blanks();
        teller
    }

    fn name_blanks(&mut self) {
        let (hero, friend) = (self.hero.clone(), self.friend.clone());
        self.set("H", hero.name.clone());
        self.set("kind", hero.kind);
        self.set("home", hero.home);
        self.set("F", friend.name.clone());
        self.set("fkind", friend.kind);
        self.pronouns(["he", "him", "his"], hero.gender);
        self.pronouns(["fhe", "fhim", "fhis"], friend.gender);
        let trait_ = self.dice.pick(world::TRAITS);
        self.set("trait", trait_);
        self.fact("What kind of animal or person was {H}?", "{H} was {a kind}.");
        self.fact("Who is the story about?", "It is about {a kind} called {H}.");
    }

    /// Sets the three pronouns of a gender under the given names.
    pub(crate) fn pronouns(&mut self, names: [&'static str; 3], gender: Gender) {
        let words = match gender {
            Gender::He => ["he", "him", "his"],
            Gender::She => ["she", "her", "her"],
        };
        for (name, word) in names.into_iter().zip(words) {
            self.set(name, word);
        }
    }

    /// Gives a blank its value; a later value replaces an earlier one.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.blanks.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.blanks.push((name, value)),
        }
    }

    /// Draws a value for a blank from a list.
    pub(crate) fn draw(&mut self, name: &'static str, list: &[&'static str]) {
        let value = self.dice.pick(list);
        self.set(name, value);
    }

    /// Draws different values for several blanks from one list.
    pub(crate) fn draw_distinct(&mut self, names: &[&'static str], list: &[&'static str]) {
        for (name, value) in names.iter().zip(self.dice.sample(list, names.len())) {
            self.set(name, value);
        }
    }

    /// Says one of the given sentences.
    pub(crate) fn say(&mut self, variants: &[&str]) {
        let template = self.dice.pick(variants);
        let sentence = self.fill(template);
        if self.break_next || self.paragraphs.is_empty() {
            self.paragraphs.push(sentence);
            self.break_next = false;
        } else if let Some(last) = self.paragraphs.last_mut() {
            last.push(' ');
            last.push_str(&sentence);
        }
    }

    /// Says one of the given sentences, or nothing, with even chances.
    pub(crate) fn maybe(&mut self, variants: &[&str]) {
        if self.dice.chance(1, 2) {
            self.say(variants);
        }
    }

    /// Begins a new paragraph with the next sentence.
    pub(crate) fn pause(&mut self) {
        self.break_next = true;
    }

    /// Notes a question about the story and its answer.
    pub(crate) fn fact(&mut self, question: &str, answer: &str) {
        let fact = Fact { question: self.fill(question), answer: self.fill(answer) };
        self.facts.push(fact);
    }

    /// The story told so far.
    pub(crate) fn text(&self) -> String {
        self.paragraphs.join("\n\n")
    }

    /// Fills `{blank}`, `{a blank}` (with its article) and `{Blank}` (with a capital).
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let close = open + rest[open..].find('}').expect("a template closes its blanks");
            out.push_str(&rest[..open]);
            out.push_str(&self.value(&rest[open + 1..close]));
            rest = &rest[close + 1..];
        }
        out.push_str(rest);
        out
    }

    fn value(&self, blank: &str) -> String {
        if let Some(value) = self.lookup(blank) {
            return value.to_string();
        }
        if let Some(name) = blank.strip_prefix("a ") {
            return with_article(self.known(name));
        }
        if let Some(name) = blank.strip_prefix("A ") {
            return capitalised(&with_article(self.known(name)));
        }
        let mut lower = blank.to_string();
        lower[..1].make_ascii_lowercase();
        capitalised(self.known(&lower))
    }

    fn lookup(&self, name: &str) -> Option<&str> {
        self.blanks.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    fn known(&self, name: &str) -> &str {
        self.lookup(name)
            .unwrap_or_else(|| panic!("a plot uses the blank {{{name}}} before it is set"))
    }
}

fn draw_character(dice: &mut Dice) -> Character {
    let gender = if dice.chance(1, 2) { Gender::He } else { Gender::She };
    let names = if gender == Gender::He { world::HE_NAMES } else { world::SHE_NAMES };
    let name = if dice.chance(1, 8) { invented_name(dice) } else { dice.pick(names).to_string() };
    if dice.chance(1, 3) {
        let kind = if gender == Gender::He { "boy" } else { "girl" };
        return Character { name, kind, home: dice.pick(world::CHILD_HOMES), gender };
    }
    let animal = dice.pick(world::ANIMALS);
    Character { name, kind: animal.name, home: animal.home, gender }
}

/// A name that stands in no list: in the text it can only be looked up, not known.
fn invented_name(dice: &mut Dice) -> String {
    format!("{}{}", dice.pick(world::NAME_BEGINNINGS), dice.pick(world::NAME_ENDINGS))
}

fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

fn capitalised(text: &str) -> String {
    let mut out = text.to_string();
    out[..1].make_ascii_uppercase();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_take_articles_and_capitals() {
        let mut teller = Teller::new(Dice::new(1, 2));
        teller.set("toy", "old umbrella");
        assert_eq!(teller.fill("{a toy}"), "an old umbrella");
        assert_eq!(
            teller.fill("{A toy} lay there. {Toy}!"),
            "An old umbrella lay there. Old umbrella!"
        );
    }
}
