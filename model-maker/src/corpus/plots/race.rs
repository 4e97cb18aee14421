//! A race in which the faster one turns back to help.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw_distinct(&["goal", "goal2"], world::GOALS);
    t.draw("prize", &["a big cake", "a golden cup", "a basket of fruit", "a blue ribbon"]);
    t.say(&[
        "One day there was a race from {goal} to {goal2}.",
        "\"Let us run a race from {goal} to {goal2},\" said {F}, the {fkind}.",
    ]);
    t.say(&["The prize was {prize}.", "The winner would get {prize}."]);
    t.say(&[
        "{H} wanted to win, and so did {F}, the {fkind}.",
        "{H} and {F} stood side by side.",
        "{F}, the {fkind}, was fast, but {H} was not afraid.",
    ]);
    t.say(&[
        "\"One, two, three, go!\" And off they ran.",
        "\"Ready, steady, go!\" They ran as fast as they could.",
    ]);
    t.pause();
    t.say(&[
        "{H} was in front when {he} heard a cry.",
        "{H} ran like the wind. Then {he} heard a shout behind {him}.",
    ]);
    t.say(&[
        "{F} had fallen over a root and could not get up.",
        "{F} had hurt {fhis} foot on a stone.",
        "{F} had fallen into a ditch.",
    ]);
    t.say(&[
        "{H} could see {goal2} in front of {him}. But {he} turned around.",
        "\"If I stop, I will not win,\" thought {H}. But {he} went back.",
    ]);
    t.say(&[
        "\"Hold on to me,\" {he} said, and {he} helped {F} up.",
        "{He} took {F} by the hand. \"We will go together,\" {he} said.",
    ]);
    t.say(&[
        "Slowly they walked to {goal2}, side by side.",
        "They came to {goal2} at the same time, the last of all.",
    ]);
    t.pause();
    t.say(&[
        "Everybody clapped. \"You are the true winner,\" they said to {H}.",
        "\"You did not win the race,\" said {F}, \"but you won a friend.\"",
    ]);
    t.say(&[
        "And they gave {him} {prize}, which {he} shared with {F}.",
        "So {H} got {prize}, and {F} got half of it.",
    ]);
    t.fact("Where did the race begin?", "The race began at {goal}.");
    t.fact("What was the prize?", "The prize was {prize}.");
    t.fact("Why did {H} stop?", "{H} stopped to help {F}.");
}
