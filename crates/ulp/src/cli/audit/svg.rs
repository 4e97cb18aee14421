//! An audit as a picture: a bar for each part.

use super::report::LayerLine;
use std::fmt::Write;

const BAR: usize = 22;
const HEIGHT: usize = 240;
const LEFT: usize = 80;
const TOP: usize = 40;
const BELOW: usize = 90;

/// Bars of the divergence that each part adds; the last line, all parts together, is in the title.
pub(super) fn picture(lines: &[LayerLine]) -> String {
    let (all, parts) =
        lines.split_last().map_or((0.0, lines), |(all, parts)| (all.divergence.mean(), parts));
    let largest = parts.iter().map(|l| l.divergence.mean()).fold(1e-12, f64::max);
    let (width, height) = (LEFT + parts.len() * BAR + 20, TOP + HEIGHT + BELOW);
    let mut svg = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">KL that the quantization of each part adds, nats a token; all \
         together {all:.6}</text>"
    );
    for share in [0.0, 0.5, 1.0] {
        let y = TOP as f64 + HEIGHT as f64 * (1.0 - share);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ccc\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.6}</text>",
            width - 20,
            LEFT - 6,
            y + 4.0,
            largest * share
        );
    }
    for (i, line) in parts.iter().enumerate() {
        let x = LEFT + i * BAR;
        let bar = HEIGHT as f64 * line.divergence.mean().max(0.0) / largest;
        let (top, foot) = ((TOP + HEIGHT) as f64 - bar, TOP + HEIGHT + 12);
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{top:.1}\" width=\"{}\" height=\"{bar:.1}\" fill=\"#4477aa\"/>\n\
             <text transform=\"translate({} {foot}) rotate(60)\">{}</text>",
            x + 2,
            BAR - 4,
            x + 6,
            line.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}
