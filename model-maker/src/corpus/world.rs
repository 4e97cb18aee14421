//! The world of the default model's stories: who lives in it, what they own, where they go.
//!
//! Every list is closed: a story can only speak of what stands here, so a small model can learn
//! the whole of it. Names are common, so that a reader's own prompt is likely to meet one.

/// How a character is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gender {
    He,
    She,
}

/// Girls' and female animals' names.
pub(crate) const SHE_NAMES: &[&str] = &[
    "Lily", "Mia", "Anna", "Sara", "Emma", "Lucy", "Ella", "Rosie", "Nora", "Ruby", "Clara",
    "Daisy", "Zoe", "Molly", "Amy", "Jane", "Kate", "Nina", "Bella", "Alice", "Sue", "Sophie",
    "Maya", "Eva", "Lena", "Marie", "Grace", "Ida", "Olivia", "Julia",
];

/// Boys' and male animals' names.
pub(crate) const HE_NAMES: &[&str] = &[
    "Tom", "Ben", "Max", "Sam", "Leo", "Tim", "Jack", "Finn", "Oscar", "Peter", "Hugo", "Noah",
    "Paul", "Felix", "Theo", "Bob", "Fred", "Gus", "Henry", "Luke", "Timmy", "John", "David",
    "James", "Billy", "Charlie", "Adam", "Simon", "Toby", "Emil",
];

/// Syllables of names that stand in no list, so that a reader may bring any name along.
pub(crate) const NAME_BEGINNINGS: &[&str] = &[
    "Ba", "Da", "Fi", "Ga", "Jo", "Ka", "Lo", "Mi", "Na", "Pi", "Ra", "Sa", "Ti", "Vi", "Wi", "Zu",
    "Bri", "Cha", "Dro", "El", "Or", "Sti", "Tru",
];
pub(crate) const NAME_ENDINGS: &[&str] = &[
    "bo", "co", "del", "fa", "gi", "ki", "la", "lo", "mo", "na", "ni", "pp", "ra", "ri", "sha",
    "ta", "to", "vi", "x", "zzy",
];

/// A kind of hero, with what it is like and where it lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) home: &'static str,
}

const fn kind(name: &'static str, home: &'static str) -> Kind {
    Kind { name, home }
}

/// Animals that can be heroes and friends.
pub(crate) const ANIMALS: &[Kind] = &[
    kind("fox", "a den under the old oak"),
    kind("rabbit", "a warm burrow"),
    kind("bear", "a cave on the hill"),
    kind("mouse", "a hole in the barn wall"),
    kind("cat", "a red house by the road"),
    kind("dog", "a farm near the river"),
    kind("frog", "a green pond"),
    kind("duck", "a nest by the lake"),
    kind("hedgehog", "a pile of dry leaves"),
    kind("squirrel", "a hollow tree"),
    kind("owl", "a tall pine tree"),
    kind("pig", "a small farm"),
    kind("goat", "a stone hut on the hill"),
    kind("lamb", "a field of soft grass"),
    kind("pony", "a stable beside the mill"),
    kind("turtle", "a quiet pool"),
    kind("beaver", "a house of sticks in the stream"),
    kind("mole", "a tunnel under the garden"),
    kind("otter", "a hole in the river bank"),
    kind("bird", "a nest in the apple tree"),
    kind("elephant", "a clearing in the forest"),
    kind("lion", "a rock in the sun"),
    kind("monkey", "a tree full of fruit"),
    kind("penguin", "an island of ice"),
    kind("wolf", "a cave in the forest"),
    kind("deer", "a quiet place in the forest"),
    kind("horse", "a stable beside the mill"),
    kind("cow", "a green field by the farm"),
    kind("hen", "a little house on the farm"),
    kind("donkey", "a stable in the village"),
    kind("snail", "a corner of the garden"),
    kind("bee", "a flower in the meadow"),
    kind("kitten", "a basket near the stove"),
    kind("puppy", "a white house near the sea"),
    kind("tiger", "a clearing in the forest"),
    kind("dragon", "a cave on the mountain"),
    kind("robot", "a small house in the town"),
    kind("giant", "a stone house on the mountain"),
];

/// Where a child lives.
pub(crate) const CHILD_HOMES: &[&str] = &[
    "a small house in the village",
    "a white house near the sea",
    "a cottage at the edge of the forest",
    "a farm behind the hill",
    "a tall house in the town",
];

/// What a hero is like.
pub(crate) const TRAITS: &[&str] = &[
    "little", "brave", "kind", "shy", "clever", "curious", "cheerful", "gentle", "young", "quiet",
    "small", "happy",
];

/// Things a hero can hold, lose, find and give.
pub(crate) const TOYS: &[&str] = &[
    "red ball",
    "blue kite",
    "wooden boat",
    "silver bell",
    "soft blanket",
    "little drum",
    "yellow hat",
    "green scarf",
    "toy train",
    "golden ring",
    "picture book",
    "paper star",
    "shiny stone",
    "woolen sock",
    "tin whistle",
    "rag doll",
    "white feather",
    "big umbrella",
    "blue cup",
    "brown bag",
];

/// Food that can be shared.
pub(crate) const FOODS: &[&str] = &[
    "apples", "cakes", "berries", "nuts", "pears", "carrots", "cookies", "plums", "buns",
    "cherries",
];

/// Places one can look in or go to, with the preposition that belongs to each.
pub(crate) const PLACES: &[&str] = &[
    "in the garden",
    "by the river",
    "under the bridge",
    "behind the barn",
    "in the forest",
    "on the hill",
    "near the mill",
    "beside the well",
    "at the market",
    "in the meadow",
    "by the lake",
    "under the old oak",
    "on the beach",
    "in the tall grass",
    "behind the school",
];

/// The place as a goal of walking.
pub(crate) const GOALS: &[&str] = &[
    "the garden",
    "the river",
    "the bridge",
    "the barn",
    "the forest",
    "the hill",
    "the mill",
    "the well",
    "the market",
    "the meadow",
    "the lake",
    "the old oak",
    "the beach",
    "the park",
    "the school",
];

/// What the day is like.
pub(crate) const WEATHER: &[&str] = &[
    "The sun was shining and the sky was blue.",
    "It was a warm morning in spring.",
    "It was a cold day, and snow lay on the ground.",
    "A soft wind moved the leaves.",
    "It had rained all night, and the grass was wet.",
    "The birds were singing in the trees.",
    "It was a bright day in summer.",
    "The leaves were red and gold.",
    "There was not a cloud in the sky.",
    "A thin fog lay over the fields.",
];

/// Grown-ups who help, each with a pronoun.
pub(crate) const ELDERS: &[(&str, Gender)] = &[
    ("Grandmother", Gender::She),
    ("Grandfather", Gender::He),
    ("Mother", Gender::She),
    ("Father", Gender::He),
];

/// Wise strangers one may meet on a road, each with a pronoun.
pub(crate) const STRANGERS: &[(&str, Gender)] = &[
    ("old owl", Gender::She),
    ("old man", Gender::He),
    ("old woman", Gender::She),
    ("kind farmer", Gender::He),
    ("grey goose", Gender::She),
    ("baker", Gender::He),
    ("fisherman", Gender::He),
    ("postman", Gender::He),
    ("white horse", Gender::She),
];
