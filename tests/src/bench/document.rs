//! Figures in a document: what a bench measured, written between the two lines of a Markdown file that hold it.
//!
//! A block begins with `<!-- figures: NAME -->` and ends with `<!-- /figures -->`, each in a line of its own. What
//! stands between them belongs to the bench: it is replaced whole, and nothing else of the document is touched.

use std::{fs, io, path::Path};

/// The line that ends every block.
const END: &str = "<!-- /figures -->";

/// Replaces the block `name` of a document by `text`.
///
/// # Errors
/// When the document cannot be read or written, or has no such block; the error says what to put where.
pub fn put(document: &Path, name: &str, text: &str) -> io::Result<()> {
    let before = fs::read_to_string(document)?;
    let after = replaced(&before, name, text)
        .map_err(|problem| io::Error::new(io::ErrorKind::NotFound, format!("{}: {problem}", document.display())))?;
    if after == before { Ok(()) } else { fs::write(document, after) }
}

fn replaced(document: &str, name: &str, text: &str) -> Result<String, String> {
    let begin = format!("<!-- figures: {name} -->");
    let line_at = |line: &str, from: usize| {
        let mut at = from;
        document[from..].split_inclusive('\n').find_map(|found| {
            let start = at;
            at += found.len();
            (found.trim_end() == line).then_some((start, at))
        })
    };
    let Some((_, inside)) = line_at(&begin, 0) else {
        return Err(format!("no figures \"{name}\": put the lines {begin} and {END} where they shall stand"));
    };
    match line_at(END, inside) {
        Some((end, _)) if !document[inside..end].contains("<!-- figures: ") => {
            Ok(format!("{}\n{}\n\n{}", &document[..inside], text.trim(), &document[end..]))
        }
        _ => Err(format!("the figures \"{name}\" have no end: put the line {END} behind them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# A\n<!-- figures: a -->\nold\n<!-- /figures -->\ntext\n<!-- figures: b -->\n<!-- /figures -->\n";

    #[test]
    fn only_the_block_named_is_replaced_and_again_makes_no_difference() {
        let once = replaced(DOCUMENT, "a", "| 1 |\n| 2 |\n").expect("a block");
        assert_eq!(
            once,
            "# A\n<!-- figures: a -->\n\n| 1 |\n| 2 |\n\n<!-- /figures -->\ntext\n<!-- figures: b -->\n<!-- /figures -->\n"
        );
        assert_eq!(replaced(&once, "a", "| 1 |\n| 2 |").expect("a block"), once);
        assert!(replaced(DOCUMENT, "b", "new").expect("a block").contains("old"));
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let problem = replaced(DOCUMENT, "c", "new").expect_err("no block c");
        assert!(problem.contains("<!-- figures: c -->") && problem.contains("<!-- /figures -->"), "{problem}");
        let open = "<!-- figures: a -->\n<!-- figures: b -->\n<!-- /figures -->\n";
        assert!(replaced(open, "a", "new").expect_err("a is open").contains("no end"));
        assert!(replaced("<!-- figures: a -->", "a", "new").is_err());
    }

    #[test]
    fn a_file_is_written_in_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.md");
        fs::write(&path, DOCUMENT).expect("a document");
        put(&path, "b", "new").expect("a block b");
        assert!(fs::read_to_string(&path).expect("the document").contains("<!-- figures: b -->\n\nnew\n\n<!--"));
        assert!(put(&path, "c", "new").expect_err("no block c").to_string().contains("a.md"));
    }
}
