//! One has plenty, another is hungry; what is shared comes back.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("food", world::FOODS);
    t.draw("goal", world::GOALS);
    t.draw("number", &["two", "three", "four", "five", "six", "ten"]);
    t.say(&[
        "{H} had {number} {food} in a basket.",
        "One day {his} mother gave {H} {number} {food}.",
        "{H} had found {number} {food}, and {he} was very proud.",
    ]);
    t.say(&[
        "{He} wanted to eat them all alone near {goal}.",
        "{He} walked to {goal} to eat them.",
        "\"I will eat them at {goal},\" {he} thought.",
    ]);
    t.say(&[
        "On the way {he} met {F}, {a fkind}.",
        "There sat {F}, {a fkind}, all alone.",
        "Near {goal} {he} saw {a fkind} named {F}.",
    ]);
    t.say(&[
        "\"I am so hungry,\" said {F}. \"I have not eaten today.\"",
        "{F} looked at the {food}. \"They smell so good,\" {fhe} said.",
        "{F} was hungry, but {fhe} was too shy to ask.",
    ]);
    t.pause();
    t.say(&[
        "{H} thought about it. {He} wanted the {food} very much.",
        "At first {H} did not want to share.",
        "{H} looked at the {food}, and then {he} looked at {F}.",
    ]);
    t.say(&[
        "Then {he} said, \"Come and eat with me.\"",
        "But then {he} smiled. \"Half of them are for you,\" {he} said.",
        "\"We can share,\" said {H}.",
    ]);
    t.say(&[
        "They sat down and ate the {food} together.",
        "So they ate together, and the {food} tasted better than ever.",
    ]);
    t.say(&[
        "\"Thank you,\" said {F}. \"You are very kind.\"",
        "{F} was so happy that {fhe} laughed.",
    ]);
    t.pause();
    t.say(&[
        "The next day {H} had nothing to eat. Then {F} came with a big pot of soup.",
        "A week later it was {H} who was hungry, and {F} brought warm bread.",
        "Some days later {F} came with a basket full of nuts. \"Now I share with you,\" {fhe} said.",
    ]);
    t.say(&[
        "{H} learned that sharing makes friends.",
        "\"It is good to have a friend,\" said {H}.",
    ]);
    t.fact("What did {H} have?", "{H} had {number} {food}.");
    t.fact("Who was hungry?", "{F}, the {fkind}, was hungry.");
    t.fact("What did {H} do with the {food}?", "{H} shared the {food} with {F}.");
}
