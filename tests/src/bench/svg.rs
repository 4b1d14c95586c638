//! What every picture has: its size, a title and words for who does not see it, a ground of its own.

/// How a picture is headed.
pub(super) struct Head<'a> {
    /// Width and height.
    pub(super) size: [f64; 2],
    /// The name and the size of its letters, in CSS.
    pub(super) font: [&'a str; 2],
    /// Stands above it, and is what a screen reader says first.
    pub(super) title: &'a str,
    /// Where the title stands, and how large.
    pub(super) title_at: [f64; 3],
    /// What the picture shows, in words.
    pub(super) description: &'a str,
}

/// A whole picture of these lines.
pub(super) fn picture(head: &Head<'_>, lines: &[String]) -> String {
    let Head { size: [width, height], font: [family, letters], title, title_at: [x, y, large], description } = head;
    let (title, description) = (escaped(title), escaped(description));
    let begin = [
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title desc" font-family="{family}" font-size="{letters}" fill="#222">"##
        ),
        format!(r#"<title id="title">{title}</title>"#),
        format!(r#"<desc id="desc">{description}</desc>"#),
        format!(r##"<rect width="{width}" height="{height}" rx="6" fill="#fff" stroke="#ddd"/>"##),
        format!(r#"<text x="{x}" y="{y}" font-size="{large}" font-weight="600">{title}</text>"#),
    ];
    [&begin, lines, &["</svg>\n".to_owned()]].concat().join("\n")
}

/// Text that means nothing else in SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
