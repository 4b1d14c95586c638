//! Lines that renew themselves in place, by nothing but going up and overwriting.

/// The frame is shown when it is whole, where the terminal knows that.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// What stands on the terminal from before.
#[derive(Debug, Default)]
pub(super) struct Inline {
    /// The cells of each line that was drawn.
    drawn: Vec<usize>,
}

impl Inline {
    /// What to write so that `lasting` stands above, for good, and `lines` below it in place of those before.
    /// The lines must be no wider than the terminal, which now has this width. Each is text that ends itself what it
    /// begins, with its cells counted without colours.
    pub(super) fn renew(&mut self, lasting: &[String], lines: &[(String, usize)], width: u16) -> String {
        let width = usize::from(width.max(1));
        // a terminal that became narrower has broken the old lines
        let rows: usize = self.drawn.iter().map(|cells| cells.div_ceil(width).max(1)).sum();
        let mut out = String::from(BEGIN);
        if rows > 0 {
            out.push_str(&format!("\x1b[{rows}A"));
        }
        // also wipes a ^C that the terminal has echoed
        out.push_str("\r\x1b[J");
        for line in lasting.iter().chain(lines.iter().map(|(line, _)| line)) {
            out.push_str(line);
            // both, as the terminal may be in raw mode for somebody else's sake
            out.push_str("\r\n");
        }
        out.push_str(END);
        self.drawn = lines.iter().map(|(_, cells)| *cells).collect();
        out
    }
}
