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

pub(super) const PLOTS: &[fn(&mut Teller)] = &[
    birthday::tell,
    broken_cup::tell,
    garden::tell,
    hurt_bird::tell,
    key::tell,
    kite::tell,
    lost_toy::tell,
    lost_way::tell,
    new_friend::tell,
    quarrel::tell,
    race::tell,
    rescue::tell,
    sea::tell,
    sharing::tell,
    storm::tell,
    swim::tell,
];
