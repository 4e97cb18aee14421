//! The plots. Each is a file: a chain of sentences in which every later one agrees with what was
//! said before. Adding a plot means adding a file and a line here.

mod birthday;
mod broken_cup;
mod garden;
mod hurt_bird;
mod key;
mod kite;
mod lost_toy;
mod lost_way;
mod new_friend;
mod quarrel;
mod race;
mod rescue;
mod sea;
mod sharing;
mod storm;
mod swim;

use super::teller::Teller;

/// What happens in a story.
#[derive(Clone, Copy)]
pub(super) struct Plot {
    pub(super) tell: fn(&mut Teller),
    /// Whether the two meet for the first time, so that no opening may call them friends.
    pub(super) strangers: bool,
}

const fn of_friends(tell: fn(&mut Teller)) -> Plot {
    Plot { tell, strangers: false }
}

const fn of_strangers(tell: fn(&mut Teller)) -> Plot {
    Plot { tell, strangers: true }
}

pub(super) const PLOTS: &[Plot] = &[
    of_friends(birthday::tell),
    of_friends(broken_cup::tell),
    of_friends(garden::tell),
    of_friends(hurt_bird::tell),
    of_friends(key::tell),
    of_friends(kite::tell),
    of_friends(lost_toy::tell),
    of_friends(lost_way::tell),
    of_strangers(new_friend::tell),
    of_friends(quarrel::tell),
    of_friends(race::tell),
    of_strangers(rescue::tell),
    of_friends(sea::tell),
    of_strangers(sharing::tell),
    of_friends(storm::tell),
    of_friends(swim::tell),
];
