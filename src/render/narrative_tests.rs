//! What becomes of text and HTML on their way to a page: marks, escapes, what is left out.
//!
//! Not for: the pages around it (`server::viewer`).

use proptest::prelude::*;

use super::*;

#[test]
fn hits_are_marked_whatever_their_order_and_bounds() {
    let text = "a <b> & café";
    let html = text_html(text, &[8..11, 0..1, 10..400, 50..60]);
    let marked = "<mark id=\"hit-1\">a</mark> &lt;b&gt; &amp; <mark id=\"hit-2\">caf</mark><mark id=\"hit-3\">é</mark>";
    assert_eq!(html, format!("<pre class=\"document-text\">{marked}</pre>"));
}

#[test]
fn active_content_does_not_come_through() {
    let html = "<p onclick='x()' title=\"a&quot;b\">Hi<script>alert(1)</script><style>p{}</style>\
        <a href='javascript:x'>l</a><a href='http://e.org'>m</a><a href='#s1'>n</a><img src='http://e.org/t.gif' alt=t>\
        <img src='data:image/png;base64,AAAA'><svg><p>no</p></svg><iframe src=x>no</iframe>&lt;script&gt;</div>";
    assert_eq!(
        fhir_narrative_html(html),
        "<div class=\"narrative\"><p title=\"a&quot;b\">Hi<a>l</a><a>m</a><a>n</a><img alt=\"t\">\
        <img src=\"data:image/png;base64,AAAA\">&lt;script&gt;</p></div>"
    );
    assert!(safe_html_document(html).contains("<a href=\"#doc-s1\">n</a>"));
}

#[test]
fn what_cannot_nest_is_closed_and_bounded() {
    assert_eq!(fhir_narrative_html("<b><i>x</b>y</i></div></div>z"), "<div class=\"narrative\"><b><i>x</i></b>yz</div>");
    let deep = fhir_narrative_html(&"<div>".repeat(100_000));
    assert_eq!(deep.matches("<div").count(), HTML_DEPTH_MAX + 1);
    assert_eq!(deep.matches("</div>").count(), HTML_DEPTH_MAX + 1);
}

/// Every `<` of the output begins a tag of the list with attributes of the list, and tags are balanced.
fn assert_safe(html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "unescaped: {text}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        if ELEMENTS.contains(&name) {
            open.push(name);
        } else {
            assert!(VOID_ELEMENTS.contains(&name), "element {name}");
        }
        for (attribute, value) in attributes(&tag[name.len()..]) {
            let known = ATTRIBUTES.iter().any(|(a, _)| *a == attribute);
            let own = matches!(attribute, "src" | "id" | "href" | "class");
            assert!(known || own, "attribute {attribute}");
            assert!(attribute != "src" || value.starts_with("data:image/"));
            assert!(attribute != "href" || value.starts_with("#doc-"));
        }
    }
    assert!(open.is_empty());
}

proptest! {
    #[test]
    fn any_input_comes_out_safe(pieces in prop::collection::vec(piece(), 0..40)) {
        let html: String = pieces.concat();
        assert_safe(&fhir_narrative_html(&html));
        let document = safe_html_document(&html);
        let body = document.split_once("<body>").unwrap().1.strip_suffix("</body></html>\n").unwrap();
        assert_safe(body);
    }

    #[test]
    fn any_marks_give_the_text_back(text in "\\PC{0,40}", marks in prop::collection::vec((0usize..60, 0usize..60), 0..6)) {
        let marks: Vec<_> = marks.into_iter().map(|(a, b)| a..b).collect();
        let html = text_html(&text, &marks);
        let mut back = String::new();
        for piece in Pieces::new(&html) {
            if let Piece::Text(raw) = piece {
                unescape(raw, &mut back);
            }
        }
        let kept: String = text.chars().filter(|c| !c.is_control()).collect();
        prop_assert_eq!(back, kept);
    }
}

fn piece() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "<",
        ">",
        "</",
        "/>",
        "\"",
        "'",
        "=",
        " ",
        "&",
        ";",
        "&lt;",
        "&#60;",
        "<!--",
        "-->",
        "<!",
        "<?",
        "<script>",
        "</script>",
        "<svg>",
        "</svg>",
        "<p ",
        "<div>",
        "</div>",
        "<a href=",
        "#x",
        "javascript:",
        "<img src=",
        "data:image/png;base64,",
        "onload=",
        "title=",
        "<title>",
        "</title>",
        "<style>",
        "</style",
        "<textarea>",
        "<td colspan=",
        "id=",
        "name=",
        "<b/>",
        "\0",
        "é",
        "x",
    ];
    prop_oneof![prop::sample::select(PARTS).prop_map(str::to_owned), "\\PC{0,6}"]
}
