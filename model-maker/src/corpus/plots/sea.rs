//! A journey to a place never seen before.

use super::super::teller::Teller;

pub(super) fn tell(t: &mut Teller) {
    let (far, sight, feel, keep) = t.dice.pick(&[
        ("sea", "The water was blue and it had no end", "The waves tickled", "a white shell"),
        (
            "mountain",
            "From the top they could see the whole world",
            "The air was clear and cold",
            "a shining stone",
        ),
        (
            "city",
            "There were lights and people everywhere",
            "The streets were full of music",
            "a red balloon",
        ),
        ("waterfall", "The water fell down from the sky", "The spray was cool", "a smooth pebble"),
        ("desert", "The sand was as yellow as gold", "The sand was warm", "a little bag of sand"),
    ]);
    for (blank, value) in [("far", far), ("sight", sight), ("feel", feel), ("keep", keep)] {
        t.set(blank, value);
    }
    t.draw("ride", &["on foot", "by train", "in a cart", "in a small boat", "on a bicycle"]);
    t.say(&["{H} had never seen the {far}.", "All {his} life {H} had dreamed of the {far}."]);
    t.say(&[
        "\"I want to see the {far},\" {he} said to {F}, the {fkind}.",
        "\"Shall we go and see the {far}?\" asked {his} friend {F}, {a fkind}.",
    ]);
    t.say(&["So they packed some bread and went {ride}.", "The next morning they set out {ride}."]);
    t.say(&[
        "The way was long. They sang songs to pass the time.",
        "They went over hills and through forests.",
        "At night they slept under the stars.",
    ]);
    t.maybe(&[
        "\"Are we there yet?\" asked {F}. \"Not yet,\" said {H}.",
        "Once they were so tired that they wanted to go back. But they went on.",
    ]);
    t.pause();
    t.say(&["Then, at last, they saw the {far}.", "On the third day they came to the {far}."]);
    t.say(&["{sight}.", "\"Look!\" cried {H}. {sight}."]);
    t.say(&["{feel}, and they laughed.", "{feel}. {H} could not say a word."]);
    t.say(&["They stayed there all day.", "They played there until the evening."]);
    t.pause();
    t.say(&["{H} took {keep} home to remember it.", "Before they went home, {F} gave {H} {keep}."]);
    t.say(&[
        "\"The world is big,\" said {H}, \"but home is good too.\"",
        "\"Where shall we go next?\" asked {F}.",
    ]);
    t.fact("What did {H} want to see?", "{H} wanted to see the {far}.");
    t.fact("How did they travel?", "They went {ride}.");
    t.fact("What did {H} take home?", "{H} took {keep} home.");
}
