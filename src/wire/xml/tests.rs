use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits::new(4096, 100);

/// The text of the root, or why there is none.
fn text(body: &str) -> Result<String, XmlError> {
    Element::read(body.as_bytes(), LIMITS).map(|root| root.text().to_owned())
}

#[test]
fn texts_that_are_read() {
    #[rustfmt::skip]
    let table = [
        ("plain", "<a>x</a>", "x"),
        ("empty", "<a/>", ""),
        ("white space around it", "<a>\r\n\t x y \n</a>", "x y"),
        ("other spaces are text", "<a>\u{a0}x\u{3000}</a>", "\u{a0}x\u{3000}"),
        ("line ends are line feeds", "<a>x\r\ny\rz</a>", "x\ny\nz"),
        ("a declaration", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>x</a>", "x"),
        ("a declaration without an encoding", "<?xml version='1.0'?>\n<a>x</a>\n", "x"),
        ("a declaration in lower case", "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?><a>x</a>", "x"),
        ("ASCII is UTF-8", "<?xml version=\"1.0\" encoding=\"us-ascii\"?><a>中</a>", "中"),
        ("a declaration behind white space", "\n <?xml version=\"1.0\"?><a>x</a>", "x"),
        ("a byte order mark", "\u{feff}<?xml version=\"1.0\"?><a>x</a>", "x"),
        ("comments", "<!-- 1 --><a>x<!-- <b> & -->y</a><!-- 2 -->", "xy"),
        ("CDATA", "<a>1<![CDATA[<b>&amp;&&]]>2</a>", "1<b>&amp;&&2"),
        ("predefined entities", "<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'"),
        ("entities are resolved once", "<a>&amp;lt;</a>", "&lt;"),
        ("character references", "<a>&#42;&#x2a;&#x2A;&#x4e2d;&#65039;</a>", "***中\u{fe0f}"),
        ("a reference to a space is a space", "<a>x&#32;</a>", "x"),
        ("an unknown entity is text", "<a>?a=1&b=2;c&nbsp;</a>", "?a=1&b=2;c&nbsp;"),
        ("a bare & is text", "<a>?a=1&b=2</a>", "?a=1&b=2"),
        ("several bare & are text", "<a>&& &amp;&&lt; &</a>", "&& &&< &"),
        ("a bare & before a comment", "<a>x&<!-- -->amp;</a>", "x&amp;"),
        ("no digits are no reference", "<a>&#;&#x;&#xg;&#X2a;&#-1;&#+1;</a>", "&#;&#x;&#xg;&#X2a;&#-1;&#+1;"),
        ("a bare > is text", "<a>x>y</a>", "x>y"),
        ("attributes are ignored", "<a xmlns=\"http://x\" b = 'c>d' b=\"\">x</a >", "x"),
        ("a name outside ASCII", "<名>x</名>", "x"),
    ];
    for (name, body, want) in table {
        assert_eq!(text(body).as_deref(), Ok(want), "{name}");
    }
}

/// Rows of a name, a body, and why it is refused. The text of [`XmlError::Malformed`] is the
/// reader's and not looked at.
fn assert_refused(table: &[(&str, &str, XmlError)]) {
    for (name, body, want) in table {
        match (text(body), want) {
            (Err(XmlError::Malformed(_)), XmlError::Malformed(_)) => {}
            (got, want) => assert_eq!(got.as_ref(), Err(want), "{name}"),
        }
    }
}

#[test]
fn what_is_not_well_formed() {
    let malformed = XmlError::Malformed(String::new());
    #[rustfmt::skip]
    assert_refused(&[
        ("an empty body", "", XmlError::NoRoot),
        ("white space alone", " \n", XmlError::NoRoot),
        ("a declaration alone", "<?xml version=\"1.0\"?>", XmlError::NoRoot),
        ("text alone", "x", XmlError::BesideRoot),
        ("JSON", "{}", XmlError::BesideRoot),
        ("text before the root", "x<a/>", XmlError::BesideRoot),
        ("text after the root", "<a/>x", XmlError::BesideRoot),
        ("a reference after the root", "<a/>&#32;", XmlError::BesideRoot),
        ("CDATA after the root", "<a/><![CDATA[]]>", XmlError::BesideRoot),
        ("two roots", "<a/><a/>", XmlError::BesideRoot),
        ("two roots with text", "<a>x</a><b>y</b>", XmlError::BesideRoot),
        ("an end too many", "<a/></a>", malformed.clone()),
        ("an unclosed root", "<a>", XmlError::Unclosed),
        ("an unclosed child", "<a><b></a>", malformed.clone()),
        ("a cut body", "<a><b>x</b>", XmlError::Unclosed),
        ("a cut tag", "<a><b", malformed.clone()),
        ("a cut comment", "<a><!-- </a>", malformed.clone()),
        ("a cut CDATA", "<a><![CDATA[</a>", malformed.clone()),
        ("tags that cross", "<a><b></a></b>", malformed.clone()),
        ("ends in another case", "<a></A>", malformed.clone()),
        ("ends with another prefix", "<x:a></y:a>", malformed.clone()),
        ("a bare < before a letter", "<a>x<y</a>", malformed.clone()),
        ("a bare < before a space", "<a>x < y</a>", malformed.clone()),
        ("a bare < before a digit", "<a>?a=<2></a>", malformed.clone()),
        ("two bare <", "<a><<b></b></a>", malformed.clone()),
        ("an empty tag", "<a><></a>", malformed.clone()),
        ("an attribute without a value", "<a b>x</a>", malformed.clone()),
        ("an attribute without quotes", "<a b=c>x</a>", malformed.clone()),
        ("a < within an attribute", "<a b=\"<\">x</a>", malformed),
    ]);
}

#[test]
fn what_is_not_allowed() {
    let malformed = XmlError::Malformed(String::new());
    #[rustfmt::skip]
    assert_refused(&[
        ("a document type", "<!DOCTYPE a><a/>", XmlError::Doctype),
        ("an external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", XmlError::Doctype),
        ("a billion laughs", "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>", XmlError::Doctype),
        ("a document type in lower case", "<!doctype a><a/>", XmlError::Doctype),
        ("a document type within the root", "<a><!DOCTYPE a></a>", XmlError::Doctype),
        ("a document type without a name", "<!DOCTYPE><a/>", malformed.clone()),
        ("an entity outside a document type", "<a><!ENTITY x \"y\"></a>", malformed.clone()),
        ("a processing instruction", "<?php x?><a/>", XmlError::ProcessingInstruction),
        ("a second declaration", "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>", XmlError::ProcessingInstruction),
        ("a declaration within the root", "<a><?xml version=\"1.0\"?></a>", XmlError::ProcessingInstruction),
        ("a declaration behind a comment", "<!-- --><?xml version=\"1.0\"?><a/>", XmlError::ProcessingInstruction),
        ("another declared encoding", "<?xml version=\"1.0\" encoding=\"GBK\"?><a/>", XmlError::Encoding),
        ("a declaration of UTF-16", "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", XmlError::Encoding),
        ("a declaration that is none", "<?xml encoding=utf-8?><a/>", malformed),
        ("NUL", "<a>\0</a>", XmlError::Character),
        ("a control character", "<a>\u{1b}</a>", XmlError::Character),
        ("U+FFFE", "<a>\u{fffe}</a>", XmlError::Character),
        ("a reference to NUL", "<a>&#0;</a>", XmlError::Character),
        ("a reference to a control character", "<a>&#x1b;</a>", XmlError::Character),
        ("a reference to a surrogate", "<a>&#xd800;</a>", XmlError::Character),
        ("a reference beyond Unicode", "<a>&#x110000;</a>", XmlError::Character),
        ("a reference beyond numbers", "<a>&#99999999999;</a>", XmlError::Character),
    ]);
}

#[test]
fn only_utf8_is_read() {
    let read = |body: &[u8]| Element::read(body, LIMITS);
    assert_eq!(read(b"<a>\xd6\xd0</a>"), Err(XmlError::Encoding), "GBK");
    assert_eq!(read(b"<a>\xed\xa0\x80</a>"), Err(XmlError::Encoding), "a surrogate");
    assert_eq!(read(b"\xff\xfe<\0a\0/\0>\0"), Err(XmlError::Encoding), "UTF-16 with a mark");
    assert_eq!(read(b"<\0a\0/\0>\0"), Err(XmlError::Character), "UTF-16 without one");
}

#[test]
fn the_tree_is_what_was_written() {
    let body = "<o:Root xmlns:o=\"u\">\n <A>1</A><o:B><A>2</A></o:B> <A/></o:Root>";
    let root = Element::read(body.as_bytes(), LIMITS).unwrap();
    assert_eq!((root.name(), root.text()), ("Root", ""));
    let names: Vec<_> = root.children().iter().map(Element::name).collect();
    assert_eq!(names, ["A", "B", "A"]);
    let texts: Vec<_> = root.all("A").map(Element::text).collect();
    assert_eq!(texts, ["1", ""]);
    assert_eq!(root.all("B").flat_map(Element::children).count(), 1);
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let many = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - "<a></a>".len()));

    assert!(text(&nested(16)).is_ok());
    assert_eq!(text(&nested(17)), Err(XmlError::TooDeep(16)));
    assert!(text(&many(100)).is_ok());
    assert_eq!(text(&many(101)), Err(XmlError::TooManyElements(100)));
    assert!(text(&long(4096)).is_ok());
    assert_eq!(text(&long(4097)), Err(XmlError::TooLarge(4097)));

    let limits = Limits::new(10_000_000, usize::MAX);
    let deep = Element::read("<a>".repeat(100_000).as_bytes(), limits);
    assert_eq!(deep, Err(XmlError::TooDeep(16)));
}

/// Inputs that take quadratic time where a reader looks back or ahead. A million bytes of each
/// would take hours then.
#[test]
fn no_body_is_slow() {
    let limits = Limits::new(2_000_000, usize::MAX);
    let read = |body: String| Element::read(body.as_bytes(), limits).is_ok();
    assert!(read(format!("<a>{}</a>", "&".repeat(1_000_000))));
    assert!(read(format!("<a>{}</a>", "&#38;".repeat(200_000))));
    assert!(read(format!("<a>{}</a>", "<!---->x".repeat(100_000))));
    assert!(read(format!("<a {}/>", "b='' ".repeat(200_000))));
    assert!(!read(format!("<?xml {}?>", "b='' ".repeat(200_000))));
    assert!(!read("<".repeat(1_000_000)));
    assert!(!read("<a>".to_owned() + &"]]>".repeat(300_000)));
}

#[test]
fn what_is_written_is_well_formed() {
    let xml = XmlWriter::document("a", |x| x.text("b", "<&>\"'\r\n\0\u{1b}\u{ffff}中"));
    let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <a><b>&lt;&amp;&gt;\"'&#13;\n\u{fffd}\u{fffd}\u{fffd}中</b></a>";
    assert_eq!(String::from_utf8(xml).unwrap(), want);
    assert!(is_xml_safe("\t\r\n中\u{10ffff}"));
    for unsafe_text in ["\0", "\u{8}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        assert!(!is_xml_safe(unsafe_text), "{unsafe_text:?}");
    }
}

#[test]
fn elements_without_content_are_empty() {
    let xml = XmlWriter::document("a", |x| {
        x.element("b", |_| ());
        x.empty("c");
        x.text("d", "");
        x.element("e", |x| x.empty("f"));
    });
    let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a><b/><c/><d></d><e><f/></e></a>";
    assert_eq!(String::from_utf8(xml).unwrap(), want);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in any::<String>()) {
        let xml = XmlWriter::document("a", |x| x.text("b", &text));
        let root = Element::read(&xml, Limits::new(1 << 20, 10)).unwrap();
        let got = root.all("b").next().unwrap().text();
        let carried = |c: char| if is_xml_safe(c.encode_utf8(&mut [0; 4])) { c } else { '\u{fffd}' };
        let want: String = text.chars().map(carried).collect();
        prop_assert_eq!(got, want.trim_matches(BLANK));
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in any::<Vec<u8>>()) {
        let _ = Element::read(&body, LIMITS);
    }

    /// Bytes at random rarely get past the first tag, so these are parts of XML at random.
    #[test]
    fn any_markup_is_read_or_refused(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<a>", "</a>", "<b/>", "<", ">", "&", ";", "&amp;", "&#", "x41;", "<!--", "-->", "--",
            "<![CDATA[", "]]>", "<?xml ", "?>", "<!DOCTYPE", " a=", "'", "\"", "/", "中", "\r\n", " ",
        ]), 0..24),
    ) {
        let body = parts.concat();
        if let Ok(root) = Element::read(body.as_bytes(), LIMITS) {
            prop_assert!(!root.name().is_empty() && is_xml_safe(root.text()));
        }
    }
}
