//! Somebody new and shy, and how a friendship begins.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("place", world::PLACES);
    t.draw(
        "game",
        &[
            "hide and seek",
            "catch",
            "a game with stones",
            "a jumping game",
            "pirates",
            "a counting game",
        ],
    );
    t.draw("food", world::FOODS);
    t.say(&["One day somebody new came to live {place}.", "A new neighbour had moved in {place}."]);
    t.say(&["It was {a fkind} named {F}.", "The new neighbour was {a fkind} called {F}."]);
    t.say(&[
        "{F} was shy and did not speak.",
        "{F} sat alone and looked at the ground.",
        "Nobody played with {F}, because nobody knew {fhim}.",
    ]);
    t.say(&[
        "{H} saw this and felt sorry for {fhim}.",
        "\"{F} must be lonely,\" thought {H}.",
        "{H} wanted to say hello, but {he} did not know how.",
    ]);
    t.pause();
    t.say(&[
        "So {H} took some {food} and went over.",
        "{H} put some {food} in a bag and knocked at the door.",
    ]);
    t.say(&[
        "\"Hello, I am {H},\" {he} said. \"Would you like some {food}?\"",
        "\"My name is {H},\" {he} said. \"These {food} are for you.\"",
    ]);
    t.say(&[
        "{F} looked up and smiled a little. \"Thank you,\" {fhe} said.",
        "At first {F} said nothing. Then {fhe} took one and smiled.",
    ]);
    t.say(&["\"Do you want to play {game}?\" asked {H}.", "\"Can you play {game}?\" asked {F}."]);
    t.say(&["They played {game} all afternoon.", "And so they played {game} until it was dark."]);
    t.pause();
    t.say(&[
        "\"Will you come again tomorrow?\" asked {F}. \"Yes,\" said {H}, \"and every day.\"",
        "\"I am glad that you came,\" said {F}.",
        "Now {F} was not lonely any more.",
    ]);
    t.fact("Who was the new neighbour?", "It was {a fkind} named {F}.");
    t.fact("What did {H} bring?", "{H} brought some {food}.");
    t.fact("What did they play?", "They played {game}.");
}
