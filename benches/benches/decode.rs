//! A language model reading a prompt and answering, side by side with llama.cpp.
//!
//!     cargo bench -p ulp-benches --bench decode -- MODEL.gguf [ROUNDS [THREADS]]
//!
//! Prompts of 512 tokens, single tokens at the beginning and at depth 1024, and single tokens of
//! eight sequences together (that one without a peer). The ids are arbitrary: a pass costs the same
//! whatever they say.
//!
//! If `ULP_PEER_PYTHON` names a Python with llama-cpp-python, `peers/decode.py` runs in a process of
//! its own and the two take turns: machines drift, ratios of neighbours hardly do.

use std::error::Error;
use std::time::Instant;

use ulp_benches::{Peer, median};
use ulp_infer::{Activations, Input, KvCache, LogitRows, Model, SequenceId, Workspace};

const WARM_UP: usize = 1;

/// New tokens of each of some sequences, after a number that they have already.
struct Workload {
    name: &'static str,
    sequences: usize,
    depth: usize,
    /// Tokens of a pass.
    tokens: usize,
    passes: usize,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "prefill", sequences: 1, depth: 0, tokens: 512, passes: 1 },
    Workload { name: "decode", sequences: 1, depth: 16, tokens: 1, passes: 24 },
    Workload { name: "decode at 1024", sequences: 1, depth: 1024, tokens: 1, passes: 24 },
    Workload { name: "decode 8", sequences: 8, depth: 16, tokens: 1, passes: 8 },
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo passes `--bench`; what a person typed comes after it.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let Some(path) = words.first() else {
        println!("decode: no model (cargo bench -p ulp-benches --bench decode -- MODEL.gguf)");
        return Ok(());
    };
    let rounds = words.get(1).map_or(Ok(5), |word| word.parse())?;
    let threads = words.get(2).map_or(Ok(2), |word| word.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let mut ours = Ours::new(path)?;
    let mut peer = Peer::of_environment("decode.py", &[path, &threads.to_string()])?;
    for workload in &WORKLOADS {
        compare(workload, rounds, &mut ours, peer.as_mut())?;
    }
    Ok(())
}

fn compare(
    workload: &Workload,
    rounds: usize,
    ours: &mut Ours,
    peer: Option<&mut Peer>,
) -> Result<(), Box<dyn Error>> {
    let mut peer = peer.filter(|_| workload.sequences == 1);
    let (mut own_times, mut their_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        let own = ours.run(workload)?;
        let theirs = peer.as_mut().map(|peer| seconds(peer, workload)).transpose()?;
        if round >= WARM_UP {
            own_times.push(own);
            their_times.extend(theirs);
            ratios.extend(theirs.map(|theirs| theirs / own));
        }
    }
    let tokens = (workload.sequences * workload.tokens * workload.passes) as f64;
    let name = workload.name;
    print!("{name}: {:.1} tokens/s", tokens / median(&own_times));
    match peer {
        Some(_) => {
            println!(", llama.cpp {:.1}: {:.2} x", tokens / median(&their_times), median(&ratios))
        }
        None => println!(),
    }
    Ok(())
}

/// Of the other engine.
fn seconds(peer: &mut Peer, workload: &Workload) -> Result<f64, Box<dyn Error>> {
    let Workload { depth, tokens, passes, .. } = workload;
    Ok(peer.ask(&format!("{depth} {tokens} {passes}"))?.parse()?)
}

struct Ours {
    model: Model,
    workspace: Workspace,
}

impl Ours {
    fn new(path: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Ours { model: Model::load(path)?, workspace: Workspace::new() })
    }

    /// Seconds for the passes, without the tokens before them.
    fn run(&mut self, workload: &Workload) -> Result<f64, Box<dyn Error>> {
        let positions = workload.depth + workload.tokens * workload.passes;
        // Whole blocks for each sequence.
        let room = workload.sequences * positions.next_multiple_of(64);
        let mut cache = KvCache::new(self.model.cache_shape(), room);
        let factors = self.model.rope_factors(positions);
        let open = |_| cache.open_with(factors);
        let sequences: Vec<SequenceId> = (0..workload.sequences).map(open).collect();
        let mut next = 0;
        while next < workload.depth {
            let tokens = (workload.depth - next).min(512);
            self.pass(&sequences, &ids(next, tokens), &mut cache)?;
            next += tokens;
        }
        let start = Instant::now();
        for pass in 0..workload.passes {
            let tokens = ids(next + pass * workload.tokens, workload.tokens);
            self.pass(&sequences, &tokens, &mut cache)?;
        }
        Ok(start.elapsed().as_secs_f64())
    }

    fn pass(
        &mut self,
        sequences: &[SequenceId],
        tokens: &[u32],
        cache: &mut KvCache,
    ) -> Result<(), Box<dyn Error>> {
        let input = |&sequence| Input { sequence, tokens, logits: LogitRows::Last };
        let batch: Vec<Input<'_>> = sequences.iter().map(input).collect();
        self.model.forward(&batch, cache, Activations::Quantized, &mut self.workspace)?;
        Ok(())
    }
}

fn ids(first: usize, n: usize) -> Vec<u32> {
    (first..first + n).map(|i| (3 + i * 7919 % 1000) as u32).collect()
}
