//! A code's bits, with its fields bracketed.

use fpbits::Format;

/// ```text
/// 0 01111 0101010101
/// ╵ └─┬─┘ └───┬────┘
/// sign exponent fraction
/// ```
pub(super) fn draw(format: &Format, code: u64) -> [String; 3] {
    let (layout, fields) = (format.layout(), format.fields(code));
    let sign = (layout.sign, u64::from(fields.sign), 1, "sign");
    let exponent = (true, fields.exponent, layout.exponent_bits as usize, "exponent");
    let fraction =
        (layout.fraction_bits > 0, fields.fraction, layout.fraction_bits as usize, "fraction");

    let mut lines = [String::new(), String::new(), String::new()];
    for (there, value, width, name) in [sign, exponent, fraction] {
        if !there {
            continue;
        }
        let column = width.max(name.len());
        let bits = format!("{value:0width$b}");
        let bracket = bracket(width);
        // The name stands under the middle of its bits, as far as its own length allows.
        let indent = (width / 2).saturating_sub(name.len() / 2);
        for (line, text) in lines.iter_mut().zip([bits, bracket, format!("{:indent$}{name}", "")]) {
            line.push_str(&format!("{text:<column$} "));
        }
    }
    lines.map(|line| line.trim_end().to_string())
}

fn bracket(width: usize) -> String {
    match width {
        1 => "│".to_string(),
        2 => "└┘".to_string(),
        _ => {
            let left = (width - 2) / 2;
            format!("└{}┬{}┘", "─".repeat(left), "─".repeat(width - 3 - left))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use fpbits::{Format, Layout};

    #[test]
    fn bits_and_brackets() {
        assert_eq!(
            draw(&Format::BINARY16, 0x3555),
            ["0    01101    0101010101", "│    └─┬─┘    └────┬───┘", "sign exponent  fraction"]
        );
        let unsigned = Format::new(Layout { sign: false, ..*Format::E5M2.layout() }).unwrap();
        assert_eq!(draw(&unsigned, 0x3c)[0], "01111    00");
    }
}
