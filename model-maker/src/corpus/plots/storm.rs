//! Fear of a storm at night, and how it ends.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("toy", world::TOYS);
    t.say(&[
        "One night there was a big storm.",
        "That night dark clouds came, and a storm began.",
        "In the evening the wind grew strong, and it began to rain.",
    ]);
    t.say(&[
        "The thunder was loud, and {H} was afraid.",
        "\"Boom!\" went the thunder. {H} hid under {his} blanket.",
        "The wind howled, and {H} could not sleep.",
    ]);
    t.maybe(&[
        "{He} held {his} {toy} very tight.",
        "{He} closed {his} eyes, but {he} was still afraid.",
    ]);
    t.pause();
    t.say(&[
        "Then {he} heard a knock at the door. It was {F}, the {fkind}.",
        "Suddenly somebody knocked. \"Please let me in,\" said a small voice. It was {F}, {a fkind}.",
    ]);
    t.say(&[
        "{F} was cold and wet. \"I am afraid of the storm,\" {fhe} said.",
        "{F} was wet from head to foot, and {fhe} was shaking.",
    ]);
    t.say(&[
        "{H} forgot {his} own fear. {He} gave {F} a warm blanket and hot milk.",
        "\"Come in,\" said {H}. {He} made a fire and gave {F} some soup.",
    ]);
    t.say(&[
        "They sat by the fire and told each other stories.",
        "Together they sang songs, louder than the thunder.",
        "They counted the time between the lightning and the thunder.",
    ]);
    t.say(&[
        "Soon the storm did not seem so bad.",
        "After a while they did not hear the wind at all.",
    ]);
    t.pause();
    t.say(&[
        "In the morning the sun was shining, and there was a rainbow in the sky.",
        "When they woke up, the sky was blue and the storm was gone.",
    ]);
    t.say(&[
        "\"With a friend I am not afraid,\" said {H}.",
        "\"You were very brave,\" said {F}. \"So were you,\" said {H}.",
    ]);
    t.fact("What was {H} afraid of?", "{H} was afraid of the storm.");
    t.fact("Who knocked at the door?", "It was {F}, the {fkind}.");
    t.fact("What was there in the morning?", "In the morning the sun was shining.");
}
