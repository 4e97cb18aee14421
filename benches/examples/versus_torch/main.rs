//! Operations beside PyTorch's, taken in turns.
//!
//! A shared machine drifts by more than what is to be measured, so each round runs ours, then
//! theirs, and what counts is the median of the rounds' ratios. ("best" is the ratio of the best
//! times, which a machine busy with other work disturbs less.) The limit is measured in the same
//! rounds: a loop of fused multiply-adds in registers, or a copy through memory.
//!
//! ```text
//! cargo run --release -p ulp-benches --example versus_torch -- [--python PATH] [--rounds N] [FILTER]
//! ```
//!
//! `--alone` runs ours only. "Warm" is an output into memory that an earlier one left: with
//! `pool::recycle` here, with `out=` there, in a process whose allocator keeps all memory. Products
//! recycle theirs; glibc, which both sides use, keeps memory up to 32 MiB anyway.

mod limits;
mod peer;
mod subjects;

use std::error::Error;
use std::time::Instant;

use limits::{bandwidth, peak};
use subjects::{Limit, MI, subjects};
use ulp_benches::median;

/// Seconds of `count` calls, for each.
fn time(count: usize, mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| f());
    start.elapsed().as_secs_f64() / count as f64
}

fn least(x: &[f64]) -> f64 {
    x.iter().copied().fold(f64::INFINITY, f64::min)
}

struct Options {
    python: Option<String>,
    rounds: usize,
    filter: String,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { python: Some("python3".into()), rounds: 7, filter: String::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--alone" => options.python = None,
            "--python" => options.python = Some(arguments.next().ok_or("--python PATH")?),
            "--rounds" => options.rounds = arguments.next().ok_or("--rounds N")?.parse()?,
            _ => options.filter = argument,
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { python, rounds, filter } = options()?;
    let start = |keep_memory| python.as_deref().map(|p| peer::start(p, keep_memory)).transpose();
    let (mut plain, mut keeping) = (start(false)?, start(true)?);
    let (from, mut to) = (vec![1.0f32; 16 * MI], vec![0.0f32; 16 * MI]);
    println!("{} threads, {rounds} rounds", rayon::current_num_threads());
    println!(
        "{:54} {:>9} {:>9} {:>6} {:>6} {:>8}",
        "", "ours, ms", "torch, ms", "ratio", "best", "of limit"
    );
    for subject in subjects().iter().filter(|subject| subject.name.contains(&filter)) {
        let mut ours = (subject.setup)();
        let once = time(1, &mut ours).min(time(1, &mut ours));
        let count = (0.05 / once).clamp(1.0, 1e5) as usize;
        let peer = if subject.name.ends_with("warm") { &mut keeping } else { &mut plain };
        if let Some(peer) = peer {
            peer.ask(&format!("setup {}", subject.name))?;
        }
        let (mut own, mut theirs, mut ratios, mut shares) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let at_best = match subject.limit {
                Limit::Arithmetic(work) => work / peak(),
                Limit::Memory(bytes) => bytes / bandwidth(&from, &mut to),
            };
            let seconds = time(count, &mut ours);
            own.push(seconds);
            shares.push(at_best / seconds);
            if let Some(peer) = peer {
                let other = peer::time(peer, count)?;
                theirs.push(other);
                ratios.push(other / seconds);
            }
        }
        let share = format!("{:.0}%", 100.0 * median(&shares));
        print!("{:54} {:9.3} ", subject.name, 1e3 * median(&own));
        if peer.is_some() {
            let (ratio, best) = (median(&ratios), least(&theirs) / least(&own));
            print!("{:9.3} {ratio:6.2} {best:6.2} ", 1e3 * median(&theirs));
        }
        println!("{share:>8}");
    }
    Ok(())
}
