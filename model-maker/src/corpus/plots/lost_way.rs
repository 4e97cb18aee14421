//! Lost in the forest at dusk, and led home.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    let (stranger, gender) = t.dice.pick(world::STRANGERS);
    t.set("guide", stranger);
    t.pronouns(["ghe", "ghim", "ghis"], gender);
    t.draw(
        "lure",
        &[
            "a yellow butterfly",
            "a trail of berries",
            "a strange song",
            "a white rabbit",
            "a falling star",
        ],
    );
    t.draw(
        "sign",
        &[
            "the smoke of the chimney",
            "the light in the window",
            "the tall tree by the gate",
            "the bell tower of the village",
        ],
    );
    t.say(&[
        "One day {H} followed {lure} into the forest.",
        "{H} saw {lure} and went after it, far into the forest.",
    ]);
    t.say(&[
        "{He} walked and walked, and soon {he} did not know the way.",
        "When {he} looked around, all the trees looked the same.",
    ]);
    t.say(&[
        "It grew dark. \"How do I get home?\" said {H}.",
        "The sun went down, and {H} was lost.",
        "{H} called, but nobody answered.",
    ]);
    t.say(&[
        "{He} sat down under a tree and began to cry.",
        "{He} was cold and tired, and {he} wanted to be at home.",
    ]);
    t.pause();
    t.say(&[
        "Then {a guide} came along.",
        "Just then {H} saw {a guide} between the trees.",
        "\"Who is crying there?\" asked {a guide}.",
    ]);
    t.say(&[
        "\"I have lost my way,\" said {H}. \"I live in {home}.\"",
        "\"Please help me,\" said {H}. \"I want to go home.\"",
    ]);
    t.say(&[
        "\"I know the way,\" said the {guide}. \"Come with me.\"",
        "The {guide} smiled. \"I will show you the way,\" {ghe} said.",
    ]);
    t.say(&[
        "They went past the big stones and over the little bridge.",
        "They walked along the stream and up the hill.",
        "The moon came up and made the path bright.",
    ]);
    t.say(&["At last {H} saw {sign}.", "Then {he} saw {sign}. \"I am home!\" {he} cried."]);
    t.pause();
    t.say(&[
        "{His} mother ran out and held {him} in her arms.",
        "\"Where have you been?\" asked {his} father, and he hugged {him}.",
    ]);
    t.say(&[
        "{H} turned around to thank the {guide}, but {ghe} was gone.",
        "\"Thank you,\" {H} said to the {guide}. \"I will never go so far alone again.\"",
    ]);
    t.fact("What did {H} follow?", "{H} followed {lure}.");
    t.fact("Who showed {H} the way?", "{A guide} showed {H} the way home.");
    t.fact("What did {H} see at last?", "{H} saw {sign}.");
}
