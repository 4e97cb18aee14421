//! A seed, patience, and a harvest for all.

use super::super::teller::Teller;

pub(super) fn tell(t: &mut Teller) {
    t.draw(
        "plant",
        &[
            "pumpkin",
            "sunflower",
            "apple tree",
            "bean plant",
            "rose bush",
            "carrot",
            "strawberry plant",
        ],
    );
    t.draw("wait", &["ten days", "two weeks", "many days", "a long time", "seven days"]);
    t.say(&[
        "One spring day {H} found a seed.",
        "{F}, the {fkind}, gave {H} a seed.",
        "In spring {H} got a little seed from {his} grandmother.",
    ]);
    t.say(&[
        "{He} made a hole in the earth and put the seed in it.",
        "{He} planted it in the garden and gave it water.",
    ]);
    t.say(&[
        "The next day {he} looked, but there was nothing.",
        "Every morning {he} ran out to look. Nothing grew.",
    ]);
    t.say(&[
        "\"It does not work,\" said {H}.",
        "\"Why does it not grow?\" {H} asked.",
        "{H} wanted to dig the seed out again.",
    ]);
    t.say(&[
        "\"You have to wait,\" said {F}. \"Good things take time.\"",
        "\"Be patient,\" said {F}, the {fkind}. \"It is sleeping.\"",
    ]);
    t.pause();
    t.say(&[
        "So {H} waited for {wait} and gave it water every day.",
        "{H} waited {wait}. {He} pulled out the weeds and gave it water.",
    ]);
    t.say(&[
        "Then a small green leaf came out of the earth.",
        "One morning there was a tiny green shoot.",
        "And then, after a warm rain, something green looked out.",
    ]);
    t.say(&[
        "It grew and grew.",
        "It grew taller every day.",
        "The sun shone on it, and it grew fast.",
    ]);
    t.say(&[
        "In summer it was a big, beautiful {plant}.",
        "It was {a plant}, the finest in the whole garden!",
    ]);
    t.pause();
    t.say(&["{H} called all {his} friends to see it.", "Everybody came to look at the {plant}."]);
    t.say(&[
        "\"I only had to wait,\" said {H} proudly.",
        "\"You took good care of it,\" said {F}.",
        "{H} gave each of them a seed to take home.",
    ]);
    t.fact("What did {H} plant?", "{H} planted a seed.");
    t.fact("What grew in the garden?", "{A plant} grew in the garden.");
    t.fact("How long did {H} wait?", "{H} waited {wait}.");
}
