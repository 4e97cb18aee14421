//! Finished responses that are kept in memory, so that a conversation can go on from one of them.
//!
//! A response is known by its id to the key that made it, and to no other. The limit is of responses
//! and of bytes; the oldest goes first. What was said before a response is not copied into it: a
//! turn holds the one before it, so that a conversation is there once. So a turn stays as long as a
//! later one needs it, though its response is forgotten, and counts until then.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::gate::Caller;

/// Bytes that a response takes beside its texts: its id twice, and its places in the maps.
const OVERHEAD: usize = 512;

/// Responses by their ids.
#[derive(Debug)]
pub(crate) struct ResponseStore {
    max_responses: usize,
    max_bytes: usize,
    /// Bytes of all turns that somebody holds.
    held: Arc<AtomicUsize>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    responses: HashMap<String, Entry>,
    /// Their ids by age, the oldest first.
    ages: BTreeMap<u64, String>,
    next_age: u64,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    age: u64,
    turn: Arc<Turn>,
}

/// What was said in a response, and before it.
#[derive(Debug)]
pub(crate) struct Turn {
    /// A list of items as JSON text.
    input: Box<str>,
    /// The response as JSON text.
    response: Box<str>,
    previous: Option<Arc<Turn>>,
    held: Arc<AtomicUsize>,
}

/// What is known of a response before it is finished.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) store: Arc<ResponseStore>,
    pub(super) caller: Caller,
    /// The items of its input.
    pub(super) input: Vec<Value>,
    pub(super) previous: Option<Arc<Turn>>,
}

impl ResponseStore {
    /// One that holds so many responses and bytes at most.
    pub(crate) fn new(max_responses: usize, max_bytes: usize) -> Self {
        ResponseStore { max_responses, max_bytes, held: Arc::default(), kept: Mutex::default() }
    }

    /// Whether it keeps anything.
    pub(super) fn is_open(&self) -> bool {
        self.max_responses > 0
    }

    /// The turn of a response that this caller has made.
    pub(super) fn find(&self, id: &str, caller: Caller) -> Option<Arc<Turn>> {
        let kept = self.kept();
        let entry = kept.responses.get(id).filter(|entry| entry.caller == caller)?;
        Some(Arc::clone(&entry.turn))
    }

    /// Forgets a response that this caller has made. False if there is none.
    pub(super) fn forget(&self, id: &str, caller: Caller) -> bool {
        let mut kept = self.kept();
        let age = kept.responses.get(id).filter(|entry| entry.caller == caller).map(|e| e.age);
        age.is_some_and(|age| kept.forget(age))
    }

    /// How many responses there are, and bytes of them.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.kept().responses.len(), self.held.load(Ordering::Relaxed))
    }

    /// Makes room for a turn, and keeps it. False if it is too large.
    fn keep(&self, id: &str, caller: Caller, turn: Turn) -> bool {
        let turn = Arc::new(turn);
        if !self.is_open() || turn.chain().map(|turn| turn.bytes()).sum::<usize>() > self.max_bytes
        {
            return false;
        }
        let mut kept = self.kept();
        let is_full = |kept: &Kept| {
            kept.ages.len() >= self.max_responses
                || self.held.load(Ordering::Relaxed) > self.max_bytes
        };
        while is_full(&kept) {
            let Some(&oldest) = kept.ages.keys().next() else { return false };
            kept.forget(oldest);
        }
        let age = kept.next_age;
        kept.next_age += 1;
        kept.ages.insert(age, id.to_string());
        kept.responses.insert(id.to_string(), Entry { caller, age, turn });
        true
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, age: u64) -> bool {
        let id = self.ages.remove(&age);
        id.is_some_and(|id| self.responses.remove(&id).is_some())
    }
}

impl Turn {
    fn new(
        input: Box<str>,
        response: Box<str>,
        previous: Option<Arc<Turn>>,
        held: &Arc<AtomicUsize>,
    ) -> Self {
        let turn = Turn { input, response, previous, held: Arc::clone(held) };
        turn.held.fetch_add(turn.bytes(), Ordering::Relaxed);
        turn
    }

    fn bytes(&self) -> usize {
        self.input.len() + self.response.len() + OVERHEAD
    }

    /// This turn, the one before it, and so on.
    fn chain(&self) -> impl Iterator<Item = &Turn> {
        std::iter::successors(Some(self), |turn| turn.previous.as_deref())
    }

    /// The response as JSON text.
    pub(super) fn response(&self) -> &str {
        &self.response
    }

    /// The items that the response was made from: those of the conversation before it and its input.
    pub(super) fn input(&self) -> Vec<Value> {
        let mut turns: Vec<&Turn> = self.chain().collect();
        turns.reverse();
        let mut items = Vec::new();
        for turn in &turns {
            items.extend(list(&turn.input));
            if !std::ptr::eq(*turn, self) {
                items.extend(turn.output());
            }
        }
        items
    }

    /// The items of the conversation up to the response's own.
    pub(super) fn conversation(&self) -> Vec<Value> {
        let mut items = self.input();
        items.extend(self.output());
        items
    }

    fn output(&self) -> Vec<Value> {
        let mut response: Value = serde_json::from_str(&self.response).unwrap_or_default();
        match response["output"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }
}

fn list(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}

impl Drop for Turn {
    /// One turn after another: a conversation may be longer than a stack is deep.
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes(), Ordering::Relaxed);
        let mut previous = self.previous.take();
        while let Some(mut turn) = previous.and_then(Arc::into_inner) {
            previous = turn.previous.take();
        }
    }
}

impl Draft {
    /// Keeps the finished response. False if it is too large.
    pub(super) fn keep(self, id: &str, response: &Value) -> bool {
        let input = Value::Array(self.input).to_string().into_boxed_str();
        let response = response.to_string().into_boxed_str();
        let turn = Turn::new(input, response, self.previous, &self.store.held);
        self.store.keep(id, self.caller, turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ME: Caller = Caller::Key(0);

    fn store(max_responses: usize, max_bytes: usize) -> Arc<ResponseStore> {
        Arc::new(ResponseStore::new(max_responses, max_bytes))
    }

    /// Keeps a response of one item with a text of this length, as a turn after `previous`.
    fn keep(store: &Arc<ResponseStore>, id: &str, text: usize, previous: Option<&str>) -> bool {
        let draft = Draft {
            store: Arc::clone(store),
            caller: ME,
            input: vec![json!({"of": id})],
            previous: previous.map(|id| store.find(id, ME).expect("it is kept")),
        };
        draft.keep(id, &json!({"id": id, "output": [{"by": id, "text": "x".repeat(text)}]}))
    }

    #[test]
    fn the_oldest_go_first() {
        let store = store(3, usize::MAX);
        for id in ["a", "b", "c", "d"] {
            assert!(keep(&store, id, 10, None));
        }
        assert!(store.find("a", ME).is_none());
        assert!(store.forget("c", ME) && !store.forget("c", ME));
        assert!(keep(&store, "e", 10, None));
        let ids = ["a", "b", "c", "d", "e"].map(|id| store.find(id, ME).is_some());
        assert_eq!(ids, [false, true, false, true, true]);
    }

    #[test]
    fn a_response_is_there_for_who_made_it() {
        let store = store(3, usize::MAX);
        assert!(keep(&store, "a", 10, None));
        for other in [Caller::Key(1), Caller::Anybody] {
            assert!(store.find("a", other).is_none() && !store.forget("a", other));
        }
        assert!(store.find("a", ME).is_some() && store.forget("a", ME));
        assert_eq!(store.size(), (0, 0));
    }

    /// Bytes of all that is held are bounded, whatever follows what.
    #[test]
    fn bytes_are_bounded() {
        let store = store(1000, 20_000);
        let mut last: Option<String> = None;
        for i in 0..300 {
            let id = format!("r{i}");
            // Chains of many lengths, and from time to time one that is too large for any room.
            let text = if i % 50 == 49 { 30_000 } else { 37 * i % 2000 };
            let previous = last.as_deref().filter(|_| i % 7 != 0);
            let is_kept = keep(&store, &id, text, previous);
            assert!(!is_kept || text < 20_000, "{i}");
            if is_kept {
                last = Some(id);
            }
            let (count, bytes) = store.size();
            assert!(bytes <= 20_000 && (count > 0 || !is_kept), "{i}: {count}, {bytes}");
        }
        while let Some(id) = last.take() {
            store.forget(&id, ME);
            last = store.kept().responses.keys().next().cloned();
        }
        assert_eq!(store.size(), (0, 0), "nothing is left behind");
    }

    #[test]
    fn a_conversation_outlives_its_responses() {
        let store = store(2, usize::MAX);
        assert!(keep(&store, "a", 1, None) && keep(&store, "b", 1, Some("a")));
        assert!(keep(&store, "c", 1, Some("b")));
        assert!(store.find("a", ME).is_none());
        let turn = store.find("c", ME).unwrap();
        let said = |items: Vec<Value>| -> Vec<String> {
            let word = |item: &Value, name: &str| Some(format!("{name} {}", item[name].as_str()?));
            items.iter().filter_map(|item| word(item, "of").or(word(item, "by"))).collect()
        };
        assert_eq!(said(turn.input()), ["of a", "by a", "of b", "by b", "of c"]);
        assert_eq!(said(turn.conversation()).last().unwrap(), "by c");
        drop(turn);
        assert!(store.forget("b", ME) && store.forget("c", ME));
        assert_eq!(store.size(), (0, 0));
    }

    /// As many turns as would overflow a stack if each dropped the one before it.
    #[test]
    fn long_conversations_end_well() {
        let held = Arc::default();
        let next = |previous| Some(Arc::new(Turn::new("[]".into(), "{}".into(), previous, &held)));
        let last = (0..200_000).fold(None, |previous, _| next(previous));
        assert_eq!(held.load(Ordering::Relaxed), 200_000 * (4 + OVERHEAD));
        drop(last);
        assert_eq!(held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_closed_store_keeps_nothing() {
        let store = store(0, usize::MAX);
        assert!(!store.is_open() && !keep(&store, "a", 1, None));
        assert_eq!(store.size(), (0, 0));
    }
}
