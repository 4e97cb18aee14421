//! Something dear is lost, looked for in two places, and found in a third.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("toy", world::TOYS);
    t.draw_distinct(&["place", "place2", "place3"], world::PLACES);
    lose(t);
    t.say(&[
        "\"Oh no!\" said {H}. \"Where is my {toy}?\"",
        "{H} was very sad, and {he} began to cry.",
        "\"I must find it,\" said {H}.",
    ]);
    t.say(&[
        "{He} looked {place}, but it was not there.",
        "First {he} looked {place}. There was no {toy}.",
        "{He} ran out and looked {place}, but {he} found only leaves.",
    ]);
    t.pause();
    t.say(&[
        "Then {he} met {F}, the {fkind}.",
        "{F}, {a fkind}, came along the road.",
        "{F}, {a fkind}, saw that {H} was sad.",
    ]);
    t.say(&[
        "\"What is wrong?\" asked {F}. \"I have lost my {toy},\" said {H}.",
        "\"Why do you look so sad?\" asked {F}. \"My {toy} is gone,\" said {H}.",
    ]);
    t.say(&[
        "\"I will help you look for it,\" said {F}.",
        "\"Do not cry,\" said {F}. \"Two can look better than one.\"",
    ]);
    t.say(&[
        "They looked {place2}, but they did not find it.",
        "Together they looked {place2}. It was not there.",
    ]);
    t.say(&[
        "Then they looked {place3}, and there it was!",
        "At last {F} looked {place3}. \"Here it is!\" {fhe} called.",
        "And then, {place3}, {H} saw the {toy}.",
    ]);
    t.pause();
    t.say(&[
        "{H} held the {toy} tight. \"Thank you, {F}!\" {he} said.",
        "\"Thank you for your help,\" said {H}, and {he} gave {F} a hug.",
        "{H} was so glad that {he} danced.",
    ]);
    t.say(&[
        "Then they played with the {toy} until the sun went down.",
        "Now {H} always takes good care of the {toy}.",
        "\"You may play with it too,\" said {H}.",
    ]);
    t.fact("What did {H} lose?", "{H} lost {a toy}.");
    t.fact("Where was the {toy}?", "The {toy} was {place3}.");
    t.fact("Who helped {H}?", "{F}, the {fkind}, helped {H}.");
}

fn lose(t: &mut Teller) {
    if t.dice.chance(1, 3) {
        t.say(&[
            "{H} lost {his} {toy}.",
            "One day {H} lost {his} {toy}, the thing {he} loved best.",
            "{H} could not find {his} {toy}.",
        ]);
        return;
    }
    t.say(&[
        "{H} had {a toy} that {he} loved more than anything.",
        "The thing {H} loved best was {a toy}.",
        "{H} had {a toy}, and {he} took it everywhere.",
    ]);
    t.say(&[
        "But one day the {toy} was gone.",
        "One afternoon {he} could not find the {toy}.",
        "Then, one morning, {he} saw that the {toy} was not there.",
    ]);
}
